"""Cases, one after the other: controls first, then all runs in turn, round after round."""

import argparse
import os

import controls
import report
import stage
from cases import Case
from figures import Figures, Rounds
from load import fresh_tokens
from measure import measure
from proxies.nginx import Upstream
from proxy import Site


def play(cases: list[Case], site: Site, arguments: argparse.Namespace) -> list[tuple[Case, Rounds]]:
    """Those of the cases that the arguments ask for."""
    cores = stage.cores()
    results = []
    for case in cases:
        if arguments.case and case.name not in arguments.case:
            continue
        _sign(case, site, arguments.seconds)
        placed = stage.placement(cores, case.two_cores)
        # This program itself keeps off the proxy's core.
        os.sched_setaffinity(0, placed[1])
        results.append((case, _run(case, site, placed, arguments.rounds, arguments.seconds)))
        os.sched_setaffinity(0, cores)
    return results


def _sign(case: Case, site: Site, seconds: int) -> None:
    """All tokens that the case will use, on all cores."""
    requests = [run.request for group in case.groups for run in group]
    for algorithm in {request.algorithm for request in requests if request.fresh}:
        fresh_tokens(site.keys, algorithm, seconds)
    most = max(requests, key=lambda request: request.tokens)
    if most.tokens > 1:
        site.keys.many(most.algorithm, most.tokens)


def _check(case: Case, site: Site, cores: tuple[list[int], list[int]]) -> None:
    tried = set()
    for run in (run for group in case.groups for run in group):
        kind = run.proxy, run.setting, run.request.plain()
        if kind in tried or run.request.denied:
            continue
        tried.add(kind)
        with run.proxy(site, run.setting, cores[0]) as proxy:
            controls.check(proxy, run.request, f"{case.name}, {run.label}")


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
