// The status page: asks the gateway each second and shows what it says.

import { announce, byId, element, put, set, show } from "./document.js";
import { age, clock, count, duration, list, number, rate } from "./format.js";
import { showOperations } from "./operations.js";
import { showPanels } from "./panels.js";
import { Plot } from "./plot.js";
import { showRefusals } from "./refusals.js";
import { Series } from "./series.js";

const EACH = 1_000;
const SLOWEST = 15_000;
const PATIENCE = 5_000;
/** States as they are announced. */
const TOLD = { ready: "The gateway is ready", "not ready": "The gateway is not ready", away: "The gateway is away", "token needed": "A token is needed" };

const series = new Series();
const plot = (id, ...lines) => new Plot(byId(id).querySelector("svg"), ...lines);
const plots = {
  requests: plot("tile-requests", ({ all }) => all),
  refusals: plot("tile-refusals", ({ refused }) => refused),
  total: plot("tile-total", ({ total }) => total.p50, ({ total }) => total.p99),
  own: plot("tile-own", ({ own }) => own.p50, ({ own }) => own.p99),
  connections: plot("tile-connections", ({ open }) => open),
};

let token = "";
let timer = null;
let isAsking = false;
let isPaused = false;
let failures = 0;
let latest = null;
let shownState = null;

/** Asks once, and again later for as long as somebody may be looking. */
async function poll() {
  if (isAsking) return;
  isAsking = true;
  clearTimeout(timer);
  let next = EACH;
  try {
    next = await ask();
  } finally {
    isAsking = false;
    if (next !== null && !isPaused && !document.hidden) timer = setTimeout(poll, next);
  }
}

/** Returns in how many milliseconds to ask again; not at all until there is a token, if one is demanded. */
async function ask() {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  let status;
  try {
    const answer = await fetch("status", { headers, cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    if (answer.status === 401) return askForToken();
    if (!answer.ok) throw new Error(`it answered with status ${answer.status}`);
    status = await answer.json();
  } catch (error) {
    return away(error);
  }
  failures = 0;
  latest = status;
  render(status);
  return EACH;
}

function away(error) {
  failures += 1;
  const next = Math.min(EACH * 2 ** (failures - 1), SLOWEST);
  const since = latest ? ` What is shown is of ${clock(latest.now)}.` : "";
  // Of a connection that failed a browser says no more than that.
  const why = { TimeoutError: "it took too long", TypeError: "it cannot be reached" }[error.name] ?? error.message;
  showState("away", "bad", [`The gateway does not answer: ${why}.${since} The page goes on asking, every ${age(next / 1000)} now.`]);
  byId("content").classList.add("old");
  return next;
}

function askForToken() {
  const form = byId("token-form");
  put(byId("token-error"), token ? "This is not the token." : "");
  token = "";
  form.hidden = false;
  byId("content").hidden = true;
  showState("token needed", "middling", []);
  byId("token").focus();
  return null;
}

function render(status) {
  byId("token-form").hidden = true;
  byId("content").hidden = false;
  byId("content").classList.remove("old");
  put(byId("version"), status.version ?? "");
  put(byId("uptime"), age(status.uptime_seconds));
  put(byId("workers"), count(status.workers));
  put(byId("digest-short"), status.config?.digest?.replace("sha256:", "").slice(0, 12) ?? "–");
  put(byId("updated"), `as of ${clock(status.now)}`);
  const failed = status.config?.last_error;
  const notices = [...list(status.missing).map((missing) => `Not ready: ${missing}`), ...(failed ? [`The last reload failed: ${failed}`] : [])];
  showState(status.ready ? "ready" : "not ready", status.ready ? "good" : "middling", notices);
  const change = series.add(status);
  showTiles(status);
  showOperations(status.operations, change);
  showRefusals(list(status.refusals));
  showPanels(status, change);
}

function showState(state, kind, notices) {
  put(byId("state"), state);
  set(byId("state"), "class", `badge ${kind}`);
  show(byId("notices"), notices, (notice) => notice, (notice) => ({ node: element("li", { class: "notice" }, notice), update() {} }));
  if (state === shownState) return;
  // That all is well from the start is no news.
  if (shownState !== null || state !== "ready") announce([`${TOLD[state]}.`, ...notices].join(" "));
  shownState = state;
  document.title = `${state} – actiongate`;
}

function showTiles({ requests, connections }) {
  const { points } = series;
  const now = points.at(-1);
  const all = ["permitted", "denied", "rejected"].map((name) => number(requests?.[name]));
  const each = (value) => `${rate(value)} a second`;

  let peak = plots.requests.draw(points, `Requests: ${each(now.all)}`);
  figure("requests", "rate", rate(now.all));
  figure("requests", "note", `${count(all[0] + all[1] + all[2])} in all · peak ${rate(peak)}`);

  peak = plots.refusals.draw(points, `Refusals: ${each(now.refused)}`);
  figure("refusals", "rate", rate(now.refused));
  figure("refusals", "note", `${rate(now.denied)} denied · ${rate(now.rejected)} rejected`);

  for (const [name, title] of [["total", "Total time"], ["own", "The gateway’s own time"]]) {
    const { p50, p99 } = now[name];
    peak = plots[name].draw(points, `${title}: half within ${duration(p50)}, 99 of 100 within ${duration(p99)}`);
    figure(name, "p50", duration(p50));
    figure(name, "p99", duration(p99));
    const upstream = `upstream ${duration(now.upstream.p50)} · ${duration(now.upstream.p99)}`;
    figure(name, "note", name === "total" ? upstream : `peak ${duration(peak)}`);
  }

  peak = plots.connections.draw(points, `Open connections: ${count(now.open)}`);
  figure("connections", "open", count(now.open));
  figure("connections", "note", `${count(requests?.unfinished)} in progress · peak ${count(peak ?? 0)}`);
}

function figure(tile, name, text) {
  put(byId(`tile-${tile}`).querySelector(`[data-figure=${name}]`), text);
}

byId("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  token = byId("token").value.trim();
  byId("token").value = "";
  poll();
});

byId("pause").addEventListener("click", () => {
  isPaused = !isPaused;
  set(byId("pause"), "aria-pressed", isPaused);
  if (isPaused) {
    clearTimeout(timer);
    put(byId("updated"), `paused${latest ? ` at ${clock(latest.now)}` : ""}`);
  } else poll();
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(timer);
  else if (!isPaused && byId("token-form").hidden) poll();
});

poll();
