// The last refusals.

import { byId, copyButton, element, isInUse, put, show } from "./document.js";
import { clock, list, moment } from "./format.js";

const table = byId("refusals");

/** Shows them, unless somebody is reading those that stand there. */
export function showRefusals(refusals) {
  const held = isInUse(table) && table.tBodies[0].rows.length > 0;
  byId("held").hidden = !held;
  if (held) return;
  show(table.tBodies[0], refusals, (refusal) => refusal.request_id ?? refusal.time, refusalRow);
  put(byId("refusals-count"), refusals.length > 0 ? `${refusals.length}` : "");
  byId("no-refusal").hidden = refusals.length > 0;
}

function refusalRow(refusal) {
  const { time, request_id: id, method, route, operation, issuer, subject, status, reason, missing } = refusal;
  const under = (text) => (text ? [element("div", { class: "muted under" }, text)] : []);
  const actions = list(missing).map((action) => element("li", {}, action));
  const request = [method, route].filter(Boolean).join(" ");
  const shortId = String(id ?? "").slice(0, 10);
  const node = element("tr", {},
    element("td", {}, element("time", { datetime: time ?? "", title: moment(time) }, clock(time))),
    element("td", {}, element("div", { class: "mono reason" }, reason ?? "–"), ...under(status ? `status ${status}` : "no answer")),
    element("td", { class: "request" }, element("div", { class: "mono" }, ...breakable(request || "not readable")), ...under(operation ?? "not routed")),
    element("td", {}, actions.length > 0 ? element("ul", { class: "mono" }, ...actions) : "–"),
    element("td", { class: "caller" }, element("div", { class: "mono" }, subject ?? "–"), ...under(issuer)),
    element("td", {}, id ? copyButton(id, shortId, "Request ID") : "–"),
  );
  return { node, update() {} };
}

/** A path that is broken behind a slash, where it has to be. */
function breakable(text) {
  return text.split(/(?<=\/)/).flatMap((part) => [part, element("wbr")]);
}
