"""One SVG: CPU a request by case and proxy."""

from cases import OURS, Case
from drawing import bar, document, text
from figures import Rounds, medians, ratio

_COLUMN, _GAP, _LEFT, _BAR = 416, 24, 84, 19
_LONGEST = _COLUMN - _LEFT - 106


def svg(results: list[tuple[Case, Rounds]]) -> str:
    """Bars of the charted cases on one scale, two cases side by side; with each bar its µs and how many times the gateway's."""
    shown = [(case, rounds) for case, rounds in results if case.charted]
    longest = max((figures.cpu_us for _, rounds in shown for figures in medians(rounds).values()), default=1)
    parts = [
        text(0, 16, "CPU time of the proxy for one request, in µs: less is better", "title"),
        text(0, 34, f"In brackets how many times {OURS}'s. nginx passes everything through: it authorizes nothing.", "faint"),
    ]
    y = below = 50
    for at, (case, rounds) in enumerate(shown):
        x = at % 2 * (_COLUMN + _GAP)
        y = below if x == 0 else y
        more, bottom = _case(case, rounds, x, y, _LONGEST / longest)
        parts += more
        below = max(below, bottom)
    return document(2 * _COLUMN + _GAP, below, "CPU time of each proxy for one request, by case", parts)


def _case(case: Case, rounds: Rounds, x: float, y: float, scale: float) -> tuple[list[str], float]:
    """The bars of one case, its corner at `x` and `y`; and where it ends."""
    parts = [text(x, y + 16, case.title, "title")]
    y += 24
    for label, figures in medians(rounds).items():
        width = figures.cpu_us * scale
        times = "" if label == OURS else f" ({ratio(rounds, 'cpu_us', label, OURS):.2f} ×)"
        parts.append(text(x + _LEFT - 8, y + 12, label, anchor="end"))
        parts.append(bar(x + _LEFT, y, width, _BAR - 4, "ours" if label == OURS else "peer"))
        parts.append(text(x + _LEFT + width + 6, y + 12, f"{figures.cpu_us:.1f}{times}"))
        y += _BAR
    return parts, y + 10
