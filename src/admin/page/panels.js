// Everything beside the load and the operations.

import { byId, element, put, set, show } from "./document.js";
import { age, count, list, moment, number, rate, some } from "./format.js";

let change = null;

/** Shows what a poll tells of issuers, endpoints, reasons, the config and the parts of the gateway. */
export function showPanels(status, since) {
  change = since;
  show(byId("issuers"), list(status.issuers), ({ name }) => name, issuer);
  show(byId("endpoints"), list(status.endpoints), ({ address }) => address, endpoint);
  const reasons = [...list(status.reasons)].sort((one, other) => number(other.requests) - number(one.requests));
  show(byId("reasons").tBodies[0], reasons, ({ reason }) => reason, reasonRow);
  show(byId("parts"), parts(status), ({ title }) => title, part);
}

function issuer({ name }) {
  const state = element("span", { class: "badge" });
  const about = element("p", { class: "muted" });
  const keys = element("ul", { class: "chips", "aria-label": "Keys" });
  const error = element("p", { class: "bad" });
  const node = element("li", {}, element("div", { class: "title" }, element("b", { class: "mono" }, name ?? "–"), state), about, keys, error);

  function update(issuer) {
    put(state, issuer.state ?? "unknown");
    set(state, "class", `badge ${issuer.state === "ok" ? "good" : issuer.state === "stale" ? "middling" : "bad"}`);
    const known = list(issuer.keys);
    const hasKeys = known.length > 0 || number(issuer.refreshes) > 0;
    put(about, [
      issuer.kind,
      hasKeys && some(known.length, "key"),
      Number.isFinite(issuer.age_seconds) && `read ${age(issuer.age_seconds)} ago`,
      hasKeys && `refreshed ${some(issuer.refreshes, "time")}`,
      number(issuer.failures) > 0 && `${count(issuer.failures)} failed`,
      number(issuer.skipped) > 0 && `${some(issuer.skipped, "key")} skipped`,
    ].filter(Boolean).join(" · "));
    show(keys, known, (key) => `${key.kid} ${key.algorithm}`, keyChip);
    keys.hidden = known.length === 0;
    put(error, issuer.last_error ?? "");
    error.hidden = !issuer.last_error;
  }

  return { node, update };
}

function keyChip({ kid, algorithm }) {
  const name = kid ?? "without a kid";
  return { node: element("li", { class: "mono" }, element("span", {}, name), " ", element("i", {}, algorithm ?? "")), update() {} };
}

function endpoint({ address }) {
  const state = element("span", { class: "badge" });
  const about = element("p", { class: "muted" });
  const node = element("li", {}, element("div", { class: "title" }, element("b", { class: "mono" }, address ?? "–"), state), about);

  function update({ state: now, active, requests, failures, retries }) {
    put(state, now ?? "unknown");
    set(state, "class", `badge ${now === "up" ? "good" : "bad"}`);
    put(about, [
      `${count(active)} active`,
      some(requests, "request"),
      some(failures, "failure"),
      number(retries) > 0 && `${count(retries)} sent again`,
    ].filter(Boolean).join(" · "));
  }

  return { node, update };
}

function reasonRow({ reason }) {
  const [requests, perSecond] = [element("td", { class: "number" }), element("td", { class: "number" })];
  const node = element("tr", {}, element("th", { scope: "row", class: "mono" }, reason ?? "–"), requests, perSecond);

  function update(now) {
    put(requests, count(now.requests));
    const each = change.ofReason(now);
    put(perSecond, rate(each));
    set(perSecond, "class", `number ${each > 0 ? "" : "none"}`);
  }

  return { node, update };
}

/** The rest, each with a title and a text; what a gateway does not tell is left out. */
function parts({ config, cache, audit }) {
  const looked = number(cache?.hits) + number(cache?.misses);
  return [
    config && { title: "File", text: config.file ?? "none", isMono: true },
    config?.digest && { title: "Digest", text: config.digest, isMono: true },
    config && { title: "Loaded", text: moment(config.loaded) },
    config && { title: "Reloads", text: `${count(config.reloads)}, ${count(config.failed_reloads)} failed` },
    cache && {
      title: "Token cache",
      text: `${looked > 0 ? `${((100 * number(cache.hits)) / looked).toFixed(1)} % hits` : "not asked"} · ${count(cache.evictions)} evictions`,
    },
    audit && { title: "Audit", text: audit.on ? `on · ${count(audit.dropped)} dropped` : "off" },
  ].filter(Boolean);
}

function part({ title, isMono }) {
  const text = element("dd", { class: isMono ? "mono" : "" });
  const node = element("div", {}, element("dt", {}, title), text);
  return { node, update: (now) => put(text, now.text) };
}
