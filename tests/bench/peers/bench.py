"""Measures the gateway beside nginx, HAProxy and Envoy, in turn and on the same core, round after round.

A proxy runs alone on core 0, the load and the upstream share the others: with two cores they, not the proxy, may be what
limits requests/s, so the figure that counts is the proxy's CPU time for one request. Medians over the rounds; ratios are
the medians of the rounds' own ratios, for what slows the machine in a round slows all of it. Before each run the proxy is
started afresh and warmed; its processor time is read at rest before the load and at rest after it, of all its threads.
"""

import argparse
import json
from pathlib import Path

import chart
import report
import stage
from cases import CASES
from rounds import play


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    stage.arguments(parser, [case.name for case in CASES], rounds=5)
    parser.add_argument("--svg", type=Path, help="where to write the chart")
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()
    site = stage.site(arguments.actiongate)
    results = play(list(CASES), site, arguments)
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
