"""What the kernel knows of a process and all that it started: processor time and memory."""

import os
from pathlib import Path

_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """The process and those that it started, and theirs."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").iterdir():
            found.extend(int(child) for child in (task / "children").read_text().split())
    return found


def on_cpu_ns(schedstat: str) -> int:
    """The first number of `schedstat`: nanoseconds spent on a processor, in the kernel and outside of it."""
    return int(schedstat.split()[0])


def ticks_ns(stat: str) -> int:
    """`utime` and `stime` of `stat`; a command's name may hold spaces and parentheses."""
    fields = stat[stat.rindex(")") + 2 :].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_NS


def cpu_ns(pid: int) -> int:
    """Of all threads of the family; where the kernel keeps no `schedstat`, in ticks of `stat`."""
    total = 0
    for member in family(pid):
        tasks = list(Path(f"/proc/{member}/task").iterdir())
        try:
            total += sum(on_cpu_ns((task / "schedstat").read_text()) for task in tasks)
        except FileNotFoundError:
            total += ticks_ns(Path(f"/proc/{member}/stat").read_text())
    return total


def resident_bytes(pid: int) -> int:
    """VmRSS of the family, summed: pages that a master and its workers share count in each."""
    total = 0
    for member in family(pid):
        for line in Path(f"/proc/{member}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1]) * 1024
    return total
