// Figures as text.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** What is a number, and 0 for anything else. */
export function number(value) {
  return Number.isFinite(value) ? value : 0;
}

/** What is a list, and an empty one for anything else. */
export function list(value) {
  return Array.isArray(value) ? value : [];
}

export function count(value) {
  return whole.format(number(value));
}

/** So many of something that has a regular plural. */
export function some(value, what) {
  return `${count(value)} ${what}${number(value) === 1 ? "" : "s"}`;
}

/** So many a second. */
export function rate(value) {
  if (value === null || value === undefined) return "–";
  return value > 0 && value < 9.95 ? value.toFixed(1) : count(Math.round(value));
}

/** How long something took, in seconds. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds === Infinity) return "> 60 s";
  for (const [unit, size] of [["s", 1], ["ms", 1e-3], ["µs", 1e-6]]) {
    if (seconds >= size || unit === "µs") {
      const value = seconds / size;
      return `${value >= 100 || unit === "µs" ? Math.round(value) : value.toPrecision(value >= 10 ? 3 : 2)} ${unit}`;
    }
  }
}

/** How long ago or how long since, in seconds, in its two greatest units. */
export function age(seconds) {
  let rest = Math.max(0, Math.floor(number(seconds)));
  const parts = [];
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]]) {
    const value = Math.floor(rest / size);
    if (value > 0 || (unit === "s" && parts.length === 0)) parts.push(`${value} ${unit}`);
    else if (parts.length > 0) break;
    rest -= value * size;
  }
  return parts.slice(0, 2).join(" ");
}

/** The time of day here. */
export function clock(text) {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? String(text ?? "–") : time.toLocaleTimeString("en-GB");
}

/** The day and the time of day here. */
export function moment(text) {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? String(text ?? "–") : time.toLocaleString("en-GB");
}
