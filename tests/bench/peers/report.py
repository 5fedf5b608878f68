"""The results as text and as JSON."""

from dataclasses import asdict

from cases import OURS, Case, Goal
from figures import Figures, Rounds, medians, ratio

_COLUMNS = {
    "requests_per_s": ("requests/s", "{:.0f}"),
    "cpu_us": ("CPU µs", "{:.1f}"),
    "p50_us": ("p50 µs", "{:.0f}"),
    "p99_us": ("p99 µs", "{:.0f}"),
    "p999_us": ("p99.9 µs", "{:.0f}"),
    "late_us": ("sent late p99 µs", "{:.0f}"),
    "rss_mib": ("RSS MiB", "{:.1f}"),
    "connection_kib": ("connection KiB", "{:.2f}"),
    "accepted_ms": ("accepts ms", "{:.1f}"),
    "ready_ms": ("first 200 ms", "{:.1f}"),
}


def aligned(rows: list[list[str]]) -> str:
    """Columns, the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) if at == 0 else cell.rjust(width)
                  for at, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip()
        for row in rows
    )


def line(label: str, figures: Figures) -> str:
    """One run, while the program goes on."""
    parts = [f"{text.format(value)} {title}" for name, (title, text) in _COLUMNS.items()
             if (value := getattr(figures, name)) is not None]
    return f"{label}: {', '.join(parts)}"


def _measured(goal: Goal, rounds: Rounds) -> float:
    if goal.against:
        return ratio(rounds, goal.figure, goal.label, goal.against)
    return getattr(medians(rounds)[goal.label], goal.figure)


def _title(goal: Goal) -> str:
    figure = _COLUMNS[goal.figure][0]
    return f"{figure}, {goal.label} against {goal.against}" if goal.against else f"{figure}, {goal.label}"


def judged(case: Case, rounds: Rounds) -> list[dict]:
    """Each goal with what was measured."""
    result = []
    for goal in case.goals:
        measured = _measured(goal, rounds)
        result.append({"goal": _title(goal), "most": goal.most, "measured": measured, "met": measured <= goal.most})
    return result


def figures(corner: str, found: dict[str, Figures], more: dict[str, list[str]] | None = None) -> str:
    """A line a label, with the columns that were measured, and `more` at the right."""
    shown = [name for name in _COLUMNS if any(getattr(one, name) is not None for one in found.values())]
    rows = [[corner, *(_COLUMNS[name][0] for name in shown)]]
    rows += [[label, *(_cell(one, name) for name in shown)] for label, one in found.items()]
    columns = [[title, *cells] for title, cells in (more or {}).items()]
    return aligned([row + [column[at] for column in columns] for at, row in enumerate(rows)])


def table(case: Case, rounds: Rounds) -> str:
    """The medians of all runs, the ratios of the rounds where the gateway has a line of its own, and the goals."""
    found = medians(rounds)
    more = None
    if OURS in found and found[OURS].cpu_us is not None:
        more = {f"CPU, {OURS} = 1": [f"{ratio(rounds, 'cpu_us', label, OURS):.2f}" for label in found]}
    text = f"{case.name}: {case.title}\n{figures('', found, more)}\n"
    goals = [[f"goal: {one['goal']}", f"at most {one['most']:g}", f"measured {one['measured']:.3f}", _verdict(one)]
             for one in judged(case, rounds)]
    return text + (aligned(goals) + "\n" if goals else "")


def _cell(figures: Figures, name: str) -> str:
    value = getattr(figures, name)
    return "" if value is None else _COLUMNS[name][1].format(value)


def _verdict(one: dict) -> str:
    return "met" if one["met"] else f"missed by {one['measured'] / one['most'] - 1:.1%}"


def record(case: Case, rounds: Rounds) -> dict:
    """For `--json`: all rounds, the medians and the goals."""
    plain = [{label: asdict(figures) for label, figures in one.items()} for one in rounds]
    middle = {label: asdict(figures) for label, figures in medians(rounds).items()}
    return {"title": case.title, "medians": middle, "goals": judged(case, rounds), "rounds": plain}
