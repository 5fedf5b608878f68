"""Measures the gateway beside nginx, HAProxy and Envoy, in turn and on the same core, round after round.

A proxy runs alone on core 0, the load and the upstream share the others: with two cores they, not the proxy, may be what
limits requests/s, so the figure that counts is the proxy's CPU time for one request. Medians over the rounds; ratios are
the medians of the rounds' own ratios, for what slows the machine in a round slows all of it.
"""

import argparse
import json
import os
import resource
import subprocess
from pathlib import Path

import chart
import controls
import report
import table
from cases import CASES, Case
from figures import Figures, Rounds
from load import fresh_tokens
from measure import measure
from proxies.nginx import Upstream
from proxy import Site
from tokens import Keys

ROOT = Path(__file__).parents[3]
GATEWAY = ROOT / "target/release/actiongate"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [case.name for case in CASES]
    parser.add_argument("--case", action="append", choices=names, help="only this; may be given several times")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of load in each run")
    parser.add_argument("--actiongate", type=Path, default=GATEWAY, help="the gateway; the default is built if missing")
    parser.add_argument("--json", type=Path, help="where to write all figures")
    parser.add_argument("--svg", type=Path, help="where to write the chart")
    return parser.parse_args()


def _gateway(program: Path) -> Path:
    if program == GATEWAY and not program.exists():
        subprocess.run(["cargo", "build", "--release", "--locked"], cwd=ROOT, check=True)
    if not program.exists():
        raise SystemExit(f"there is no {program}")
    return program.resolve()


def placement(cores: list[int], two: bool) -> tuple[list[int], list[int]]:
    """The proxy's cores and those of load and upstream."""
    if len(cores) < 2:
        raise SystemExit("two cores are needed: one for the proxy, one for the load")
    if not two:
        return cores[:1], cores[1:]
    return cores[:2], cores[2:] if len(cores) >= 4 else cores[:2]


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
        for number in range(rounds):
            found: dict[str, Figures] = {}
            turn = number % len(case.groups)
            for group in case.groups[turn:] + case.groups[:turn]:
                for run in group:
                    found[run.label] = measure(run, site, cores, seconds, found)
                    print(f"  {number + 1}/{rounds} {report.line(run.label, found[run.label])}", flush=True)
            # In the case's order, whoever began.
            results.append({run.label: found[run.label] for group in case.groups for run in group})
    return results


def main() -> None:
    arguments = _arguments()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(65536, most) if most > 0 else 65536, most))
    folder = ROOT / "target/bench/peers"
    site = Site(folder, _gateway(arguments.actiongate), Keys(folder / "keys"), table.routes(), table.FILE)
    cores = sorted(os.sched_getaffinity(0))
    results = []
    for case in CASES:
        if arguments.case and case.name not in arguments.case:
            continue
        _sign(case, site, arguments.seconds)
        placed = placement(cores, case.two_cores)
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
