// What the counts of successive polls tell: rates and quantiles, for five minutes.

import { list, number } from "./format.js";

/** How long points are kept, in milliseconds. */
export const KEPT = 300_000;
/** What a figure is taken over: long enough to be steady, short enough to be of now. */
const WINDOW = 5_000;

/** The polls so far, and a point for each. */
export class Series {
  #polls = [];
  points = [];

  /** Takes one more poll and returns what it adds to the one a window ago. */
  add(status) {
    const poll = { time: Date.parse(status.now) || Date.now(), status };
    const last = this.#polls.at(-1);
    // Another process counts from zero, and a clock that was set back orders nothing.
    if (last && (last.status.started !== status.started || poll.time <= last.time)) {
      this.#polls = [];
      this.points = [];
    }
    this.#polls.push(poll);
    while (this.#polls.length > 2 && this.#polls[1].time <= poll.time - WINDOW) this.#polls.shift();
    const change = new Change(this.#polls[0], poll);
    this.points.push(point(change, poll));
    this.points = this.points.filter((point) => point.time > poll.time - KEPT);
    return change;
  }
}

/** From one poll to a later one. */
class Change {
  #before;
  #after;
  #counts = new Map();

  constructor(before, after) {
    this.#before = before.status;
    this.#after = after.status;
    this.seconds = (after.time - before.time) / 1000;
    for (const operation of list(before.status.operations)) this.#counts.set(`o ${operation.permission}`, requests(operation));
    for (const { reason, requests } of list(before.status.reasons)) this.#counts.set(`r ${reason}`, requests);
  }

  /** Of one of the members of `requests`, each second. */
  rate(name) {
    return this.#each(number(this.#after.requests?.[name]) - number(this.#before.requests?.[name]));
  }

  ofOperation(operation) {
    return this.#each(requests(operation) - number(this.#counts.get(`o ${operation.permission}`)));
  }

  ofReason({ reason, requests }) {
    return this.#each(number(requests) - number(this.#counts.get(`r ${reason}`)));
  }

  /** A quantile of one of the members of `durations`, in seconds; none where nothing ended. */
  quantile(name, part) {
    const before = list(this.#before.durations?.[name]);
    const counts = list(this.#after.durations?.[name]).map((count, at) => number(count) - number(before[at]));
    return quantile(list(this.#after.durations?.bounds_seconds), counts, part);
  }

  #each(more) {
    return this.seconds > 0 ? Math.max(0, more) / this.seconds : null;
  }
}

function requests(operation) {
  return number(operation.permitted) + number(operation.denied) + number(operation.rejected);
}

/** Within its bucket a quantile is taken to lie where it would if all in there lay evenly. */
export function quantile(bounds, counts, part) {
  const all = counts.reduce((sum, count) => sum + count, 0);
  if (all <= 0) return null;
  let wanted = part * all;
  for (const [at, count] of counts.entries()) {
    if (wanted <= count && count > 0) {
      if (at >= bounds.length) return Infinity;
      const low = at > 0 ? bounds[at - 1] : 0;
      return low + (bounds[at] - low) * (wanted / count);
    }
    wanted -= count;
  }
  return Infinity;
}

function point(change, { time, status }) {
  const [permitted, denied, rejected] = ["permitted", "denied", "rejected"].map((name) => change.rate(name));
  const refused = denied === null ? null : denied + rejected;
  const [total, own, upstream] = ["total", "own", "upstream"].map((name) => ({
    p50: change.quantile(name, 0.5),
    p99: change.quantile(name, 0.99),
  }));
  const all = refused === null ? null : permitted + refused;
  return { time, all, denied, rejected, refused, total, own, upstream, open: number(status.connections?.open) };
}
