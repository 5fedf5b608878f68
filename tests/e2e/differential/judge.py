"""Holds what the gateway decided, as its audit says, against what the upstream chose."""

from collections import Counter, defaultdict
from urllib.parse import unquote_to_bytes

from gate import PROJECT, shape


class Judgement:
    """What was found in the records of one stand, after its end."""

    def __init__(self, stand, operations, line_of):
        self.line_of = line_of
        self.keys = {
            (route["method"], route["path"], route["body_key"]): operation["permission"]
            for operation in operations
            for route in operation["routes"]
            if route["body_key"]
        }
        self.with_keys = {(method, path) for method, path, _ in self.keys}
        self.decisions = Counter()
        self.differences = []
        self.unchosen = []
        self.refused = 0
        self.agreed = Counter()
        seen = defaultdict(list)
        for record in stand.upstream.lines():
            seen[record["id"]].append(record)
        for entry in stand.gateway.lines():
            self.decisions[entry["decision"] or "reject", entry["reason"]] += 1
            self.compare(entry, seen.pop(entry["request_id"], []))
        self.differences += [f"no audit line for {records}" for records in seen.values()]

    def compare(self, entry, records):
        permitted = entry["decision"] == "permit"
        # Some refusals come after the permit, as that of a form.
        is_refused = entry["reason"] != "ok" and entry["status"] < 500
        if records and (not permitted or is_refused):
            self.differ("arrived, but was refused", entry, records)
        if permitted and not records and not is_refused:
            self.differ("permitted, but did not arrive", entry, records)
        for record in records:
            trouble = self.trouble(entry, record)
            if trouble:
                self.differ(trouble, entry, record)
            elif record["key"] == "(415)":
                self.refused += 1
            elif record["chosen"] is None or (record["key"] or "").startswith("("):
                self.unchosen.append((entry, record, self.line(entry)))
            else:
                self.agreed[record["chosen"], record["key"]] += 1

    def trouble(self, entry, record):
        """What the upstream reads in another way, if anything."""
        if record["method"] != entry["method"]:
            return "another method"
        if record["chosen"] is None or (record["key"] or "").startswith("("):
            return None
        if shape(f"{entry['method']} {entry['route']}") != shape(record["chosen"]):
            return "another route"
        route = (entry["method"], entry["route"])
        if record["key"] and route in self.with_keys and self.keys.get((*route, record["key"])) != entry["operation"]:
            return "another action"
        line = self.line(entry)
        if line is not None and list(record["params"].values()) != values(line.target, entry["route"]):
            if sorted(record["params"].values()) != sorted(values(line.target, entry["route"])):
                return "other parameters"
        if "{project_id}" in entry["route"] and record["params"].get("project_id") != PROJECT:
            return "another project"
        return None

    def line(self, entry):
        mark = entry["client_request_id"] or ""
        return self.line_of(int(mark.removeprefix("line-"))) if mark.startswith("line-") else None

    def differ(self, trouble, entry, records):
        line = self.line(entry)
        self.differences.append(f"{trouble}: {line.row() if line else '?'} | {entry} | {records}")

    def write(self, path):
        """Everything found, for who looks into it."""
        unchosen = [f"{line.row() if line else '?'} | {entry} | {record}" for entry, record, line in self.unchosen]
        path.write_text("\n".join([self.summary(), "", *self.differences, "", *unchosen]) + "\n")

    def summary(self):
        counts = [f"  {decision} {reason}: {count}" for (decision, reason), count in sorted(self.decisions.items())]
        refused = f"{self.refused} of a media type that the upstream refuses"
        agreed = f"{sum(self.agreed.values())} forwarded and agreed on, to {len(self.agreed)} operations"
        return "\n".join([f"{sum(self.decisions.values())} lines", *counts, agreed, refused, f"{len(self.unchosen)} no route upstream"])


def values(target, template):
    """What a plain reading of the target has in the template's parameters."""
    text = target.partition(b"#")[0].partition(b"?")[0]
    if not text.startswith(b"/"):
        text = b"/" + text.partition(b"://")[2].partition(b"/")[2]
    pairs = zip(text.split(b"/"), template.split("/"), strict=True)
    # Routes leaves the bytes as WSGI has them.
    return [unquote_to_bytes(part).decode("latin-1") for part, name in pairs if name.startswith("{")]
