"""What the pictures share: SVG without a library, readable on light and on dark pages."""

from html import escape

_STYLE = """\
text { font: 13px -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; fill: #1f2328; }
.title { font-weight: 600; }
.small { font-size: 12px; }
.faint { font-size: 12px; fill: #59636e; }
.axis { stroke: #d1d9e0; stroke-width: 1; }
.peer { fill: #9aa4af; }
.ours { fill: #0969da; }
.line { stroke: #0969da; stroke-width: 2; fill: none; stroke-linejoin: round; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; }
  .faint { fill: #9198a1; }
  .axis { stroke: #3d444d; }
  .peer { fill: #656c76; }
  .ours { fill: #4493f8; }
  .line { stroke: #4493f8; }
}
"""


def document(width: float, height: float, label: str, parts: list[str]) -> str:
    """The whole picture; `label` is what a screen reader says."""
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
        f' role="img" aria-label="{escape(label)}">\n<style>\n{_STYLE}</style>\n{body}\n</svg>\n'
    )


def text(x: float, y: float, content: str, style: str = "small", anchor: str = "start") -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(content)}</text>'


def bar(x: float, y: float, width: float, height: float, style: str) -> str:
    return f'<rect class="{style}" x="{x:.1f}" y="{y:.1f}" width="{max(1.0, width):.1f}" height="{height:g}" rx="2"/>'


def rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="axis" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def line(points: list[tuple[float, float]]) -> list[str]:
    """Through all points, with a dot at each."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return [f'<polyline class="line" points="{path}"/>',
            *(f'<circle class="ours" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in points)]
