"""What can be wrong without a proxy: figures, the kernel's numbers, patterns, the chart, and the open load's clock."""

import asyncio
import json
import re
import subprocess
import threading
import time
from pathlib import Path
from xml.etree import ElementTree

import chart
import plot
import process
import pytest
import report
import scale
import stage
from cases import CASES, Case
from figures import Figures, medians, percentile, ratio
from table import GENERATED, METADATA, UNLISTED, generate, routes

ROUNDS = [
    {"actiongate": Figures(cpu_us=10, rss_mib=5), "nginx": Figures(cpu_us=20, rss_mib=1)},
    {"actiongate": Figures(cpu_us=30, rss_mib=3), "nginx": Figures(cpu_us=40, rss_mib=1)},
    {"actiongate": Figures(cpu_us=12, rss_mib=4), "nginx": Figures(cpu_us=12, rss_mib=1)},
]
SEEN = next(case for case in CASES if case.name == "seen")


def test_medians_take_each_figure_by_itself():
    assert medians(ROUNDS)["actiongate"] == Figures(cpu_us=12, rss_mib=4)


def test_a_ratio_is_the_median_of_the_rounds_ratios():
    # Not that of the medians, which would be 12 to 20.
    assert ratio(ROUNDS, "cpu_us", "actiongate", "nginx") == 0.75


@pytest.mark.parametrize(
    ("share", "expected"), [(0.5, 5), (0.9, 9), (0.91, 10), (0.99, 10), (0.0, 1)]
)
def test_percentiles(share, expected):
    assert percentile([10, 1, 9, 2, 8, 3, 7, 4, 6, 5], share) == expected


def test_processor_time():
    assert process.on_cpu_ns("2661428 12345 7\n") == 2661428
    tick = 1_000_000_000 // 100
    assert process.ticks_ns("7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 30 12 0 0 20 0 1 0 5 0 0") == 42 * tick


def test_an_ended_thread_takes_nothing_away():
    assert process.spent_ns({1: 100, 2: 5000}, {1: 150, 3: 7}) == 57


def test_the_family_holds_children():
    child = subprocess.Popen(["sh", "-c", "sleep 60 & echo; wait"], stdout=subprocess.PIPE)
    try:
        child.stdout.readline()
        found = process.family(child.pid)
        assert found[0] == child.pid and len(found) == 2
        assert process.resident_bytes(child.pid) > process.resident_bytes(found[1]) > 0
    finally:
        for member in reversed(process.family(child.pid)):
            subprocess.run(["kill", str(member)], check=True)
        child.wait()
        child.stdout.close()


def test_patterns_match_whole_paths():
    table = routes()
    assert len(table) == 14
    listed = [route for route in table if route.method == "GET" and re.fullmatch(route.pattern(), METADATA)]
    assert [route.actions for route in listed] == [("ecs:servers:listMetadata",)]
    assert not any(re.fullmatch(route.pattern(), UNLISTED) for route in table)
    dotted = next(route for route in table if "v2.1" in route.template)
    assert not re.fullmatch(dotted.pattern(), dotted.template.replace("v2.1", "v2x1"))


def test_placement():
    assert stage.placement([0, 1], False) == ([0], [1])
    assert stage.placement([0, 1], True) == ([0, 1], [0, 1])
    assert stage.placement([0, 1, 2, 3], True) == ([0, 1], [2, 3])
    with pytest.raises(SystemExit):
        stage.placement([0], False)


def test_the_table_judges_goals():
    text = report.table(SEEN, [{**one, "haproxy": Figures(cpu_us=100), "envoy": Figures(cpu_us=50)} for one in ROUNDS])
    assert re.search(r"against nginx +at most 0.9 +measured 0.750 +met", text)
    assert re.search(r"against envoy +at most 0.2 +measured 0.240 +missed by 20.0%", text)


def test_the_chart_is_well_formed_and_escaped():
    case = Case("x", "a < b & c", ())
    root = ElementTree.fromstring(chart.svg([(case, ROUNDS)]))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "a < b & c" in texts and "20.0 (1.33 ×)" in texts
    bars = [float(bar.get("width")) for bar in root.iter("{http://www.w3.org/2000/svg}rect")]
    assert len(bars) == 2 and bars[1] == pytest.approx(bars[0] * 20 / 12, rel=0.01)


def test_a_plot_is_well_formed_and_starts_at_zero():
    root = ElementTree.fromstring(plot.svg("a < b", "things", [{"1": Figures(cpu_us=10), "8": Figures(cpu_us=20)}]))
    low, high = (float(dot.get("cy")) for dot in root.iter("{http://www.w3.org/2000/svg}circle"))
    zero = max(float(rule.get("y1")) for rule in root.iter("{http://www.w3.org/2000/svg}line"))
    assert zero - high == pytest.approx(2 * (zero - low), abs=0.2)


@pytest.mark.parametrize(("most", "expected"), [(0.4, 1), (2, 2), (2.1, 5), (12, 20), (99, 100), (101, 200)])
def test_the_ceiling_of_a_plot(most, expected):
    assert plot.ceiling(most) == expected


def test_a_generated_table_holds_as_many_routes_as_asked_for(tmp_path: Path):
    file, more = generate(100, tmp_path)
    found = routes(file)
    assert len(found) == 100 and more == 86
    assert [route.template for route in found if re.fullmatch(route.pattern(), GENERATED % 85)] == [found[-1].template]


def test_what_the_cache_holds():
    assert scale.remembered(1, 543) == 1.0
    assert scale.remembered(1_000_000, 8 * 1024 * 1024 // 1000) == pytest.approx(0.001, rel=0.01)


async def _rest() -> None:
    while len(asyncio.all_tasks()) > 2:
        await asyncio.sleep(0)


def test_an_open_load_counts_what_a_stall_delays(tmp_path: Path):
    """600 ms of the load's second nothing is answered: half of all that fell due waited, though few were sent then."""
    request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    text = tmp_path / "request"
    text.write_bytes(request)
    started = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(len(request)):
            if not started:
                started.append(True)
                time.sleep(0.6)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        writer.close()

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(answer, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        port = server.sockets[0].getsockname()[1]
        script = Path(__file__).parent / "rate.lua"
        said = subprocess.run(
            ["luajit", script, str(port), "500", "1", "8", text], capture_output=True, text=True, timeout=20, check=True
        ).stdout
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        # The client has closed its connections: what answers them ends.
        loop.run_until_complete(asyncio.wait_for(_rest(), 20))
        loop.close()
    saw = json.loads(said)
    assert 400 < saw["requests"] < 600 and saw["refused"] == 0
    assert 20_000 < saw["p50"] < 600_000 and saw["p99"] > 500_000
