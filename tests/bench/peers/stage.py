"""Where it runs: the gateway's program, the cores, and what all proxies share."""

import argparse
import os
import resource
import subprocess
from pathlib import Path

import table
from proxy import Site
from tokens import Keys

ROOT = Path(__file__).parents[3]
GATEWAY = ROOT / "target/release/actiongate"


def arguments(parser: argparse.ArgumentParser, names: list[str], rounds: int) -> None:
    """Those of every program here; `names` are what `--case` may choose."""
    parser.add_argument("--case", action="append", choices=names, help="only this; may be given several times")
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--seconds", type=int, default=3, help="of load in each run")
    parser.add_argument("--actiongate", type=Path, default=GATEWAY, help="the gateway; the default is built if missing")
    parser.add_argument("--json", type=Path, help="where to write all figures")


def site(program: Path) -> Site:
    """With keys and a folder below target/, and as many files at once as the kernel grants."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(65536, most) if most > 0 else 65536, most))
    if program == GATEWAY and not program.exists():
        subprocess.run(["cargo", "build", "--release", "--locked"], cwd=ROOT, check=True)
    if not program.exists():
        raise SystemExit(f"there is no {program}")
    folder = ROOT / "target/bench/peers"
    return Site(folder, program.resolve(), Keys(folder / "keys"), table.routes(), table.FILE)


def cores() -> list[int]:
    """Those that this program may use; says where two of them are one in truth."""
    found = sorted(os.sched_getaffinity(0))
    siblings = Path(f"/sys/devices/system/cpu/cpu{found[0]}/topology/thread_siblings_list")
    if siblings.exists() and siblings.read_text().strip() != str(found[0]):
        print(f"note: the proxy's core {found[0]} shares a physical one ({siblings.read_text().strip()}):"
              " what runs on the other thread slows it", flush=True)
    return found


def placement(cores: list[int], two: bool) -> tuple[list[int], list[int]]:
    """The proxy's cores and those of load and upstream."""
    if len(cores) < 2:
        raise SystemExit("two cores are needed: one for the proxy, one for the load")
    if not two:
        return cores[:1], cores[1:]
    return cores[:2], cores[2:] if len(cores) >= 4 else cores[:2]
