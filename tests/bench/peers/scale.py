"""Measures the gateway alone as what it has to do with grows: workers, connections, the table, tokens, endpoints.

Otherwise as `bench.py`: the gateway on core 0 (with two workers on 0 and 1), the load and the upstream on the others, all
points of a series in turn, round after round, medians over the rounds. What counts is CPU a request; opening and closing the
load's connections is part of it, which tells with thousands of them in a short run.
"""

import argparse
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import plot
import report
import stage
import table
from cases import Case, Run
from figures import Rounds, medians
from load import CONNECTIONS, Request
from proxies.actiongate import Actiongate
from proxy import ENDPOINTS, Setting
from rounds import play

CACHE_BYTES = 8 * 1024 * 1024
"""The gateway's usual `token.cache`, of one worker."""


@dataclass(frozen=True)
class Series(Case):
    """Each run a group of its own."""

    unit: str = ""

    def runs(self) -> list[Run]:
        return [run for (run,) in self.groups]


def _series(name: str, title: str, unit: str, points: list[tuple[int, Request, Setting]], two_cores: bool = False) -> Series:
    runs = tuple(Run(f"{count:,}".replace(",", " "), Actiongate, "wrk", request, setting) for count, request, setting in points)
    return Series(name, title, tuple((run,) for run in runs), two_cores=two_cores, unit=unit)


def _table(folder: Path, count: int) -> tuple[int, Request, Setting]:
    file, paths = table.generate(count, folder)
    if not paths:
        return count, Request(), Setting(table=file)
    return count, Request(path=table.GENERATED, paths=paths), Setting(table=file)


def all_series(folder: Path) -> list[Series]:
    """`folder` takes the generated tables."""
    es256 = Request(algorithm="ES256")
    return [
        _series("workers", "1 and 2 workers on two cores", "workers",
                [(count, Request(), Setting(workers=count)) for count in (1, 2)], two_cores=True),
        _series("connections", "1 to 4096 connections", "connections",
                [(count, Request(connections=count), Setting()) for count in (1, 4, 16, CONNECTIONS, 256, 1024, 4096)]),
        _series("table", "14 to 100 000 operations, all of them asked for", "operations",
                [_table(folder, count) for count in (14, 100, 1_000, 10_000, 100_000)]),
        _series("tokens", "1 to 1 000 000 live tokens (ES256), at random", "tokens",
                [(count, replace(es256, tokens=count), Setting()) for count in (1, 100, 10_000, 100_000, 1_000_000)]),
        _series("endpoints", "1 and 8 endpoints of the upstream", "endpoints",
                [(count, Request(), Setting(endpoints=count)) for count in (1, ENDPOINTS)]),
    ]


def remembered(tokens: int, length: int) -> float:
    """The share of requests whose token the cache can hold, at most: it counts the bytes of their text."""
    return min(1.0, CACHE_BYTES / (tokens * length))


def _print(series: Series, rounds: Rounds, length: int) -> None:
    print(f"\n{series.name}: {series.title}\n{report.figures(series.unit, medians(rounds))}", flush=True)
    if series.name == "tokens":
        for run in series.runs():
            share = remembered(run.request.tokens, length)
            print(f"{run.label} tokens of {length} bytes: the cache holds {share:.1%} of them at most", flush=True)


def main() -> None:
    names = ["workers", "connections", "table", "tokens", "endpoints"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    stage.arguments(parser, names, rounds=3)
    parser.add_argument("--svg", type=Path, help="a folder for one picture of each case, scale-NAME.svg")
    arguments = parser.parse_args()
    site = stage.site(arguments.actiongate)
    results = play(all_series(site.folder / "tables"), site, arguments)
    for series, rounds in results:
        _print(series, rounds, len(site.keys.allowed("ES256")))
        if arguments.svg:
            arguments.svg.mkdir(parents=True, exist_ok=True)
            (arguments.svg / f"scale-{series.name}.svg").write_text(plot.svg(series.title, series.unit, rounds))
    if arguments.json:
        arguments.json.write_text(json.dumps({
            series.name: [{label: asdict(figures) for label, figures in one.items()} for one in rounds]
            for series, rounds in results
        }, indent=1) + "\n")


if __name__ == "__main__":
    main()
