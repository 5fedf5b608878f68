// The table of operations: searched, filtered, sorted, opened.

import { announce, byId, drawing, element, isInUse, put, set, show } from "./document.js";
import { count, list, number, rate } from "./format.js";

const table = byId("operations");
const search = byId("search");
const refusedOnly = byId("refused-only");
const open = new Set();
const sort = { by: "permitted", descending: true };

let all = [];
/** The names in the order they stand in. */
let order = new Map();
let change = null;

/** Shows the operations as they are now. */
export function showOperations(operations, since) {
  all = list(operations);
  change = since;
  render(false);
}

for (const input of [search, refusedOnly]) {
  input.addEventListener("input", () => {
    render(true);
    announce(`${table.tBodies.length} of ${all.length} operations`);
  });
}

for (const button of table.querySelectorAll("[data-sort]")) {
  button.addEventListener("click", () => {
    const by = button.dataset.sort;
    // Words are looked up from the first, counts from the greatest.
    const isText = by === "permission" || by === "actions";
    sort.descending = sort.by === by ? !sort.descending : !isText;
    sort.by = by;
    render(true);
  });
}

function render(isAsked) {
  // Rows stay where they are while somebody reads or points at them.
  if (isAsked || all.some(({ permission }) => !order.has(permission)) || ![...table.tBodies].some(isInUse)) {
    const sorted = [...all].sort(compare);
    order = new Map(sorted.map(({ permission }, place) => [permission, place]));
  }
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = all
    .filter((operation) => !refusedOnly.checked || number(operation.denied) + number(operation.rejected) > 0)
    .filter((operation) => words.every((word) => text(operation).includes(word)))
    .sort((one, other) => order.get(one.permission) - order.get(other.permission));
  show(table, shown, ({ permission }) => permission, row, table.tHead);
  put(byId("operations-count"), shown.length === all.length ? `${all.length}` : `${shown.length} of ${all.length}`);
  byId("no-operation").hidden = shown.length > 0;
  for (const button of table.querySelectorAll("[data-sort]")) {
    const head = button.closest("th");
    if (button.dataset.sort === sort.by) set(head, "aria-sort", sort.descending ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
}

function compare(one, other) {
  const [a, b] = [value(one), value(other)];
  const ordered = typeof a === "string" ? a.localeCompare(b) : a - b;
  return (sort.descending ? -ordered : ordered) || String(one.permission).localeCompare(String(other.permission));
}

function value(operation) {
  if (sort.by === "permission") return String(operation.permission);
  if (sort.by === "actions") return needed(operation);
  return sort.by === "rate" ? number(change.ofOperation(operation)) : number(operation[sort.by]);
}

function text({ permission, routes, actions, access }) {
  return [permission, access ?? "", ...list(routes), ...list(actions)].join("\n").toLowerCase();
}

/** What an operation demands, in a few words. */
function needed({ actions, access }) {
  if (access) return { public: "no token: it is public", authenticated: "any valid token" }[access] ?? access;
  const [first, ...rest] = list(actions);
  return first === undefined ? "–" : rest.length > 0 ? `${first} +${rest.length}` : first;
}

let opened = 0;

/** An operation's row, and below it, while it is open, one with its routes and actions. */
function row({ permission }) {
  const label = element("button", { type: "button", class: "open", "aria-expanded": "false" }, permission);
  const actions = element("td", { class: "mono muted wide" });
  const counts = ["permitted", "denied", "rejected"].map((name) => ({ name, cell: element("td", { class: "number" }) }));
  const perSecond = element("td", { class: "number wide" });
  const bars = ["permitted", "denied", "rejected"].map((name) => drawing("rect", { class: name, height: 6 }));
  const share = drawing("svg", { class: "share", viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" }, ...bars);
  const head = element("th", { scope: "row" }, label);
  const cells = counts.map(({ cell }) => cell);
  const node = element("tbody", {}, element("tr", {}, head, actions, ...cells, perSecond, element("td", { class: "wide" }, share)));
  let latest = null;
  let detail = null;

  function toggle() {
    const isOpen = open.has(permission);
    set(label, "aria-expanded", isOpen);
    if (isOpen && !detail) {
      opened += 1;
      detail = element("tr", { class: "detail", id: `operation-${opened}` }, details(latest));
      set(label, "aria-controls", detail.id);
      node.append(detail);
    } else if (!isOpen && detail) {
      detail.remove();
      detail = null;
      label.removeAttribute("aria-controls");
    }
  }

  label.addEventListener("click", () => {
    if (!open.delete(permission)) open.add(permission);
    toggle();
  });

  function update(operation) {
    latest = operation;
    put(actions, needed(operation));
    const sum = counts.reduce((sum, { name }) => sum + number(operation[name]), 0);
    let from = 0;
    for (const [at, { name, cell }] of counts.entries()) {
      const value = number(operation[name]);
      put(cell, count(value));
      set(cell, "class", `number ${value > 0 ? name : "none"}`);
      const width = sum > 0 ? (100 * value) / sum : 0;
      set(bars[at], "x", from);
      set(bars[at], "width", width);
      from += width;
    }
    const perSecondNow = change.ofOperation(operation);
    put(perSecond, rate(perSecondNow));
    set(perSecond, "class", `number wide ${perSecondNow > 0 ? "" : "none"}`);
    toggle();
  }

  return { node, update };
}

function details(operation) {
  const part = (title, items) => [
    element("h3", {}, title),
    element("ul", { class: "mono" }, ...items.map((item) => element("li", {}, item))),
  ];
  const needs = operation.access ? ["Needs", [needed(operation)]] : ["Needs each of these actions", list(operation.actions)];
  return element("td", { colspan: 7 }, element("div", { class: "detail-parts" },
    element("div", {}, ...part(...needs)),
    element("div", {}, ...part("Routes", list(operation.routes)))));
}
