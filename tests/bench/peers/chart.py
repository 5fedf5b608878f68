"""One SVG: CPU a request by case and proxy, for light and dark pages."""

from html import escape

from cases import OURS, Case
from figures import Rounds, medians, ratio

_STYLE = """\
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; }
.value { font-size: 12px; }
.peer { fill: #8c959f; }
.ours { fill: #0969da; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .peer { fill: #6e7681; }
  .ours { fill: #4493f8; }
}
"""
_WIDTH, _LEFT, _BAR, _GAP, _HEAD = 820, 110, 18, 14, 24
_LONGEST = _WIDTH - _LEFT - 190


def svg(results: list[tuple[Case, Rounds]]) -> str:
    """Bars of the charted cases on one scale; beside each its µs and how many times the gateway's that is."""
    shown = [(case, rounds, medians(rounds)) for case, rounds in results if case.charted]
    longest = max((figures.cpu_us for _, _, found in shown for figures in found.values()), default=1)
    parts, y = [], 30
    parts.append(_text(0, 16, f"CPU time of the proxy for one request, in µs (× {OURS}'s); nginx authorizes nothing", "title"))
    for case, rounds, found in shown:
        y += _GAP
        parts.append(_text(0, y, case.title, "title"))
        y += _HEAD - 14
        for label, figures in found.items():
            width = max(1.0, figures.cpu_us / longest * _LONGEST)
            style = "ours" if label == OURS else "peer"
            times = f"  ({ratio(rounds, 'cpu_us', label, OURS):.2f} ×)" if label != OURS else ""
            parts.append(_text(_LEFT - 8, y + 13, label, "label", "end"))
            parts.append(f'<rect class="{style}" x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR - 3}" rx="2"/>')
            parts.append(_text(_LEFT + width + 6, y + 12, f"{figures.cpu_us:.1f}{times}", "value"))
            y += _BAR
        y += _GAP
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" width="{_WIDTH}" height="{y}"'
        f' role="img" aria-label="CPU time for one request">\n<style>\n{_STYLE}</style>\n{body}\n</svg>\n'
    )


def _text(x: float, y: float, text: str, style: str, anchor: str = "start") -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
