"""Measures the gateway beside nginx, HAProxy and Envoy, in turn and on the same core, round after round.

A proxy runs alone on core 0, the load and the upstream share the others: with two cores they, not the proxy, may be what
limits requests/s, so the figure that counts is the proxy's CPU time for one request. Medians over the rounds; ratios are
the medians of the rounds' own ratios, for what slows the machine in a round slows all of it. Before each run the proxy is
started afresh and warmed; its processor time is read at rest before the load and at rest after it, of all its threads.
"""

import argparse
import json
import os
from pathlib import Path

import chart
import controls
import report
import stage
from cases import CASES, Case
from figures import Figures, Rounds
from load import fresh_tokens
from measure import measure
from proxies.nginx import Upstream
from proxy import Site


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    stage.arguments(parser, [case.name for case in CASES], rounds=5)
    parser.add_argument("--svg", type=Path, help="where to write the chart")
    return parser.parse_args()


def _check(case: Case, site: Site, cores: tuple[list[int], list[int]]) -> None:
    tried = set()
    for run in (run for group in case.groups for run in group):
        kind = run.proxy, run.setting, run.request.plain()
        if kind in tried or run.request.denied:
            continue
        tried.add(kind)
        with run.proxy(site, run.setting, cores[0]) as proxy:
            controls.check(proxy, run.request, case.name)


def _sign(case: Case, site: Site, seconds: int) -> None:
    """All that the case will use, on all cores."""
    for algorithm in {run.request.algorithm for group in case.groups for run in group if run.request.fresh}:
        fresh_tokens(site.keys, algorithm, seconds)


def _run(case: Case, site: Site, cores: tuple[list[int], list[int]], rounds: int, seconds: int) -> Rounds:
    print(f"\n{case.name}: {case.title}", flush=True)
    results: Rounds = []
    with Upstream(site, cores[1]):
        _check(case, site, cores)
        print("  controls passed", flush=True)
        for number in range(min(rounds, case.most_rounds)):
            found: dict[str, Figures] = {}
            turn = number % len(case.groups)
            for group in case.groups[turn:] + case.groups[:turn]:
                # What follows the first takes turns, too.
                for run in group[:1] + group[1:][:: 1 if number % 2 == 0 else -1]:
                    found[run.label] = measure(run, site, cores, seconds, found)
                    print(f"  round {number + 1}: {report.line(run.label, found[run.label])}", flush=True)
            # In the case's order, whoever began.
            results.append({run.label: found[run.label] for group in case.groups for run in group})
    return results


def main() -> None:
    arguments = _arguments()
    site = stage.site(arguments.actiongate)
    cores = stage.cores()
    results = []
    for case in CASES:
        if arguments.case and case.name not in arguments.case:
            continue
        _sign(case, site, arguments.seconds)
        placed = stage.placement(cores, case.two_cores)
        # This program itself keeps off the proxy's core.
        os.sched_setaffinity(0, placed[1])
        results.append((case, _run(case, site, placed, arguments.rounds, arguments.seconds)))
        os.sched_setaffinity(0, cores)
    for case, rounds in results:
        print(f"\n{report.table(case, rounds)}", end="", flush=True)
    if arguments.json:
        arguments.json.write_text(
            json.dumps({case.name: report.record(case, rounds) for case, rounds in results}, indent=1) + "\n"
        )
    if arguments.svg:
        arguments.svg.write_text(chart.svg(results))


if __name__ == "__main__":
    main()
