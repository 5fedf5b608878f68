// Small plots of the last five minutes.

import { drawing, set } from "./document.js";
import { KEPT } from "./series.js";

const WIDTH = 300;
const HEIGHT = 48;
/** The least that a plot spans, in milliseconds: the first points of a young page are not stretched over all of it. */
const SHORTEST = 60_000;
/** Points further apart than this are not joined: nothing is known between them. */
const GAP = 5_000;

/** A plot in an empty drawing, of lines that are each a function of a point. */
export class Plot {
  #drawing;
  #area = drawing("path", { class: "area" });
  #lines;

  constructor(drawn, ...lines) {
    this.#drawing = drawn;
    this.#lines = lines.map((of, at) => ({ of, path: drawing("path", { class: `line ${at === 0 ? "first" : "second"}` }) }));
    set(drawn, "viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    set(drawn, "preserveAspectRatio", "none");
    drawn.append(drawing("path", { class: "base", d: `M0 ${HEIGHT - 0.5}H${WIDTH}` }), this.#area, ...this.#lines.map(({ path }) => path));
  }

  /** Draws it, with the figures as its text; returns its greatest value, if it has any. */
  draw(points, text) {
    const values = this.#lines.flatMap(({ of }) => points.map(of)).filter(Number.isFinite);
    const greatest = values.reduce((one, other) => Math.max(one, other), 0);
    const end = points.at(-1)?.time ?? 0;
    const span = Math.min(KEPT, Math.max(SHORTEST, end - (points[0]?.time ?? end)));
    const x = (time) => (WIDTH * (1 - (end - time) / span)).toFixed(1);
    const y = (value) => (HEIGHT - 1 - (HEIGHT - 4) * (greatest > 0 ? Math.min(value, greatest) / greatest : 0)).toFixed(1);
    for (const [at, { of, path }] of this.#lines.entries()) {
      const runs = joined(points.filter((point) => of(point) !== null));
      const drawn = runs.map((run) => run.map((point) => `${x(point.time)} ${y(of(point))}`).join("L"));
      // No length and yet a dot, by the line's round end: a run may be of one point.
      set(path, "d", drawn.map((run) => `M${run}h0`).join(""));
      if (at > 0) continue;
      const areas = runs.map((run, at) => `M${x(run[0].time)} ${HEIGHT}L${drawn[at]}L${x(run.at(-1).time)} ${HEIGHT}Z`);
      set(this.#area, "d", areas.join(""));
    }
    set(this.#drawing, "aria-label", text);
    return values.length > 0 ? greatest : null;
  }
}

function joined(points) {
  const runs = [];
  for (const point of points) {
    const run = runs.at(-1);
    if (run && point.time - run.at(-1).time <= GAP) run.push(point);
    else runs.push([point]);
  }
  return runs;
}
