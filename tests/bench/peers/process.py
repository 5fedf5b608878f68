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


def cpu_ns(pid: int) -> dict[int, int]:
    """Of each thread of the family; where the kernel keeps no `schedstat`, of each process, in ticks of `stat`."""
    found = {}
    for member in family(pid):
        try:
            for task in Path(f"/proc/{member}/task").iterdir():
                found[int(task.name)] = on_cpu_ns((task / "schedstat").read_text())
        except FileNotFoundError:
            found[member] = ticks_ns(Path(f"/proc/{member}/stat").read_text())
    return found


def spent_ns(before: dict[int, int], after: dict[int, int]) -> int:
    """Between two looks. A thread that ended meanwhile takes nothing away from the others: its last part is lost, no more."""
    return sum(time - before.get(thread, 0) for thread, time in after.items())


def resident_bytes(pid: int) -> int:
    """VmRSS of the family, summed: pages that a master and its workers share count in each."""
    total = 0
    for member in family(pid):
        for line in Path(f"/proc/{member}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1]) * 1024
    return total
