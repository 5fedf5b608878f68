"""Figures of one run, medians over rounds, and ratios."""

import math
from dataclasses import asdict, dataclass
from statistics import median


@dataclass(frozen=True)
class Figures:
    """What one run of one proxy showed. What a case does not measure is None."""

    requests_per_s: float | None = None
    cpu_us: float | None = None
    """Processor time of the proxy for one request."""
    p50_us: float | None = None
    p99_us: float | None = None
    p999_us: float | None = None
    late_us: float | None = None
    """Of an open load, at p99: from when a request was due to its sending, for the load or all its connections were busy."""
    rss_mib: float | None = None
    """At the end of the load; in the case `memory` before any."""
    connection_kib: float | None = None
    """Memory of one idle connection."""
    accepted_ms: float | None = None
    """From exec to the first connection accepted, be it by the kernel for the program."""
    ready_ms: float | None = None
    """From exec to the first byte of a forwarded answer, with 200: the goal's figure."""


Rounds = list[dict[str, Figures]]
"""One dictionary a round: of each label its figures."""


def medians(rounds: Rounds) -> dict[str, Figures]:
    """Each figure by itself, over the rounds."""
    result = {}
    for label in rounds[0]:
        values = [asdict(one[label]) for one in rounds]
        result[label] = Figures(**{
            name: None if values[0][name] is None else median(value[name] for value in values) for name in values[0]
        })
    return result


def ratio(rounds: Rounds, figure: str, label: str, against: str) -> float:
    """The median of the rounds' own ratios: what slowed the machine in one round slowed both."""
    return median(getattr(one[label], figure) / getattr(one[against], figure) for one in rounds)


def percentile(values: list[float], share: float) -> float:
    """The least value that at least `share` of them do not exceed."""
    ordered = sorted(values)
    # Rounded first: 0.9 · 10 is a little more than 9 as a float, but not the tenth value.
    return ordered[max(1, math.ceil(round(share * len(ordered), 6))) - 1]
