"""Bodies for the routes whose operation the body chooses: JSON that readers take in different ways."""

import json
import random
from dataclasses import replace

from gate import PROJECT
from lines import JSON, SERVER, Line

PATHS = (f"/v2.1/{PROJECT}/servers/{SERVER}/action", f"/v2/{PROJECT}/servers/{SERVER}/action", f"/v1/{PROJECT}/cloudservers/action")
TYPES = [
    b"application/json; charset=utf-8", b'application/json;charset="UTF-8"', b"application/json; charset=utf-16", b"application/json;charset=utf-7",
    b"application/json;version=2.1/x", b"text/plain", b"application/vnd.openstack.compute+json", b"application/JSON", b"application/x-www-form-urlencoded",
    b"application/json, text/plain", b"application/json;", b"text/json", b"",
]  # fmt: skip


class Generator:
    """The bodies of one seed."""

    def __init__(self, operations, seed):
        self.seed = seed
        listed = {route["body_key"] for operation in operations for route in operation["routes"] if route["body_key"]}
        self.keys = [*sorted(listed), "os-migrateLive", "forceDelete", "evacuate", "pause"]

    def line(self, number):
        rng = random.Random(f"{self.seed}:{number}")
        key = rng.choice(self.keys)
        value = rng.choice(("null", "{}", '{"type": "SOFT"}', "1", '"x"', "[]", "true", self.value(rng)))
        text = "{" + f"{space(rng)}{self.name(rng, key)}{space(rng)}:{space(rng)}{value}{space(rng)}" + "}"
        for _ in range(rng.choice((0, 0, 0, 1, 2))):
            text = self.spoil(rng, text, key)
        body = self.encoded(rng, text)
        if rng.random() < 0.1:
            at = rng.randint(0, len(body))
            body = body[:at] + bytes((rng.randrange(256),)) + body[at + rng.randrange(2) :]
        media_type = rng.choice(TYPES) if rng.random() < 0.15 else None
        headers = (JSON,) if media_type is None else (b"Content-Type: " + media_type,)
        line = Line(b"POST", rng.choice(PATHS).encode(), headers, body)
        return chunked(rng, line) if rng.random() < 0.25 else line

    def name(self, rng, key):
        """The key as JSON, as it is or in a spelling that some reader takes for it."""
        kind = rng.random()
        if kind < 0.5:
            return json.dumps(key)
        if kind < 0.75:
            return '"' + "".join(f"\\u{ord(ch):04{rng.choice('xX')}}" if rng.random() < 0.3 else ch for ch in key) + '"'
        changed = rng.choice((
            key.upper(), key.title(), key.swapcase(), key.replace("-", "_"), key.replace("-", ""), key + " ", " " + key, key + "\\u0000", key + "\\n",
            "\\u0000" + key, key + "\\u0000x", key.replace("s", "\u017f"), key.replace("k", "\u212a"), key + "\\ud800", key + "\\udc00\\ud800",
            key.replace("o", "\u043e"), key + "\\u200b", "\\ufeff" + key, key[:-1], key + "\\/", "", "__proto__", "\\" + key, key.replace("-", "\\-"),
            key + "\\ud83d\\ude00", key + "\x00", key + "\t",
        ))  # fmt: skip
        return f'"{changed}"'

    def value(self, rng):
        return rng.choice((
            "NaN", "Infinity", "-Infinity", "1e999", "-0", "1" * 400, "0.1e-999", "1" * 5000, "[" * 20 + "]" * 20, "[" * 40 + "]" * 40, "[" * 2000 + "]" * 2000,
            '{"a":' * 50 + "1" + "}" * 50, '{"a": 1, "a": 2}', '{"a": 1, "\\u0061": 2}', '"\\ud800"', '"\\ud83d\\ude00"', '"\\x"', "'x'", "01", "+1", "1.", ".5", "0x1",
            "None", "undefined", "True", '"\x01"', '"\x7f"', '"\u2028"', '{"": 0}', '{"a": NaN}', "/* */ null", "null // x", '"' + "x" * 70000 + '"',
        ))  # fmt: skip

    def spoil(self, rng, text, key):
        other = rng.choice(self.keys)
        return rng.choice((
            text[:-1] + f', "{other}": null}}', f'{{"{other}": null, ' + text[1:], text[:-1] + f', "{key}": null}}', f'{{"{key}": 1, ' + text[1:],
            text[:-1] + f', "\\u{ord(key[0]):04x}{key[1:]}": null}}', text + text, text + " x", text + "\x00", text + f'{{"{other}": null}}', text[:-1],
            text[1:], "[" + text + "]", json.dumps(text), "", " ", "{}", "[]", "null", '"os-stop"', "1", f'["{key}"]', ")]}',\n" + text, "\ufeff" + text,
            text + "\ufeff", text[:-1] + ",}", "{," + text[1:], text.replace('"', "'"), text.replace('"', ""), f"{{{key}: null}}", "//x\n" + text,
            text.replace(":", "="), text + "\n", "\n\t " + text, "\x0c" + text, "\xa0" + text, "_method=PUT", f"{key}=x", text[:-1] + ', "x": 1}', '{"x": ' + text + "}",
        ))  # fmt: skip

    def encoded(self, rng, text):
        coding = "utf-8" if rng.random() < 0.85 else rng.choice(
            ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "latin-1", "utf-7", "cp037")
        )  # fmt: skip
        return text.encode(coding, "replace")


def space(rng):
    return rng.choice(("", "", "", " ", "\n", "\t", "\r\n", "  ")) if rng.random() < 0.98 else rng.choice(("\x0b", "\xa0", "\x00", "\u2003"))


def chunked(rng, line):
    """The same body in chunks."""
    body, parts = line.body, []
    while body:
        size = rng.randint(1, len(body))
        parts.append(b"%x%s\r\n%s\r\n" % (size, rng.choice((b"", b"", b";x=y")), body[:size]))
        body = body[size:]
    return replace(line, body=b"".join(parts) + b"0\r\n\r\n", headers=(*line.headers, b"Transfer-Encoding: chunked"))
