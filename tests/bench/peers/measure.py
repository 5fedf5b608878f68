"""One run: the proxy is started afresh, warmed, loaded and stopped again."""

import socket
import time
from statistics import median

from cases import RATE_SHARE, Run
from figures import Figures
from load import Answered, Load
from process import spent_ns
from proxy import Proxy, Site, request_text

IDLE_CONNECTIONS = 2000
STARTS = 10
GIVE_UP_S = 2.5
"""After so long a proxy has given up the buffers of connections that have become idle."""


def measure(run: Run, site: Site, cores: tuple[list[int], list[int]], seconds: float, before: dict[str, Figures]) -> Figures:
    """`cores` are the proxy's and the load's; `before` is what the round has shown until now."""
    ours, loads = cores
    if run.how == "start":
        return _start(run, site, ours)
    with run.proxy(site, run.setting, ours) as proxy:
        if run.how == "memory":
            return _memory(proxy)
        # Connections to the upstream, caches and allocator are those of a program that has served for a while. No
        # fresh token is spent on it.
        warm = Load(proxy, run.request.plain(), loads)
        if run.how == "h2load":
            warm.h2load(0.5)
        else:
            warm.walk() if run.request.tokens > 1 else warm.wrk(1)
        load = Load(proxy, run.request, loads)
        started = proxy.cpu_ns()
        if run.how == "rate":
            answered = load.rate(seconds, RATE_SHARE * before[run.rate_of].requests_per_s)
        else:
            answered = getattr(load, run.how)(seconds)
        resident = proxy.resident_bytes()
        return _figures(answered, spent_ns(started, proxy.cpu_ns()), resident)


def _figures(answered: Answered, cpu_ns: int, resident: int) -> Figures:
    return Figures(
        requests_per_s=answered.requests / answered.seconds,
        cpu_us=cpu_ns / 1000 / answered.requests,
        p50_us=answered.p50,
        p99_us=answered.p99,
        p999_us=answered.p999,
        late_us=answered.sent_late_p99,
        rss_mib=resident / 2**20,
    )


def _memory(proxy: Proxy) -> Figures:
    request = request_text(proxy.site.keys.allowed("RS256"))
    proxy.cpu_ns()
    idle = proxy.resident_bytes()
    clients = [_served(proxy.port, request)]
    time.sleep(GIVE_UP_S)
    one = proxy.resident_bytes()
    clients += [_served(proxy.port, request) for _ in range(IDLE_CONNECTIONS)]
    time.sleep(GIVE_UP_S)
    many = proxy.resident_bytes()
    for client in clients:
        client.close()
    return Figures(rss_mib=idle / 2**20, connection_kib=(many - one) / 1024 / IDLE_CONNECTIONS)


def _served(port: int, request: bytes) -> socket.socket:
    """A connection that made a request and is kept."""
    client = socket.create_connection(("127.0.0.1", port), 20)
    client.sendall(request)
    assert client.recv(65536).startswith(b"HTTP/1.1 200")
    return client


def _start(run: Run, site: Site, cores: list[int]) -> Figures:
    accepted, ready = [], []
    token = site.keys.allowed("RS256")
    for _ in range(STARTS):
        with run.proxy(site, run.setting, cores) as proxy:
            ready.append(proxy.await_answer(token))
            accepted.append(proxy.accepted_s)
    return Figures(accepted_ms=median(accepted) * 1000, ready_ms=median(ready) * 1000)
