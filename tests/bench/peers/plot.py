"""One small SVG of a series of `scale.py`: CPU a request as what is scaled grows."""

from drawing import document, line, rule, text
from figures import Rounds, medians

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 420, 230, 44, 16, 48, 28


def ceiling(most: float) -> float:
    """The least of 1, 2, 5, 10, 20, … that is not below it."""
    step = 1.0
    for factor in [2, 2.5, 2] * 10:
        if step >= most:
            break
        step *= factor
    return step


def svg(title: str, unit: str, rounds: Rounds) -> str:
    """Points at equal distances, in the series' order, from zero on: what is level costs nothing."""
    found = medians(rounds)
    top = ceiling(max(figures.cpu_us for figures in found.values()))
    plain = _HEIGHT - _TOP - _BOTTOM
    parts = [text(0, 14, title, "title"), text(0, 32, "CPU µs a request", "faint")]
    for share in (0, 0.5, 1):
        y = _TOP + plain * (1 - share)
        parts += [rule(_LEFT, y, _WIDTH - _RIGHT, y), text(_LEFT - 8, y + 4, f"{top * share:g}", "faint", "end")]
    width = (_WIDTH - _LEFT - _RIGHT) / len(found)
    points = [(_LEFT + width * (at + 0.5), _TOP + plain * (1 - figures.cpu_us / top))
              for at, figures in enumerate(found.values())]
    parts += line(points)
    for (x, y), (label, figures) in zip(points, found.items(), strict=True):
        parts += [text(x, y - 8, f"{figures.cpu_us:.1f}", anchor="middle"),
                  text(x, _HEIGHT - 10, label, "faint", "middle")]
    return document(_WIDTH, _HEIGHT, f"{title}: CPU time for one request, by {unit}", parts)
