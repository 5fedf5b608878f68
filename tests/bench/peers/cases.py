"""What is compared, and the goals."""

from dataclasses import dataclass, replace

from load import Request
from proxies.actiongate import Actiongate
from proxies.envoy import Envoy
from proxies.haproxy import HAProxy
from proxies.nginx import LARGE_BYTES, Nginx
from proxy import Proxy, Setting
from table import LARGE

PROXIES = (Nginx, HAProxy, Envoy, Actiongate)
AUTHORIZING = (HAProxy, Envoy, Actiongate)
RATE_SHARE = 0.7
OURS = "actiongate"


@dataclass(frozen=True)
class Run:
    """One proxy under one load."""

    label: str
    proxy: type[Proxy]
    how: str = "wrk"
    """The name of a function of `measure`."""
    request: Request = Request()
    setting: Setting = Setting()
    rate_of: str | None = None
    """At 0.7 of the requests/s that this earlier run of the group reached."""


@dataclass(frozen=True)
class Goal:
    """A figure, or its ratio to another run's, is at most so much."""

    figure: str
    most: float
    label: str = OURS
    against: str | None = None


@dataclass(frozen=True)
class Case:
    """Groups of runs: within one the order stays, the groups take turns in beginning a round."""

    name: str
    title: str
    groups: tuple[tuple[Run, ...], ...]
    goals: tuple[Goal, ...] = ()
    two_cores: bool = False
    """The proxy has two cores. Where there are fewer than four, the load shares them: only CPU a request counts then."""
    charted: bool = True
    most_rounds: int = 100
    """Of what hardly differs from one round to the next."""


def _compare(name: str, title: str, *goals: Goal, how: str = "wrk", charted: bool = True,
             most_rounds: int = 100, request: Request = Request(), setting: Setting = Setting()) -> Case:
    # nginx reads no token: it gets one, so that no tokens are signed for it.
    groups = tuple(
        (Run(proxy.name, proxy, how, request if proxy.authorizes else request.plain(), setting),) for proxy in PROXIES
    )
    return Case(name, title, groups, goals, charted=charted, most_rounds=most_rounds)


def _cpu(most: float, against: str) -> Goal:
    return Goal("cpu_us", most, against=against)


def _denial() -> Case:
    def pair(proxy: type[Proxy]) -> tuple[Run, ...]:
        request = Request()
        return (
            Run(f"{proxy.name} forwarded", proxy, request=request),
            Run(f"{proxy.name} denied", proxy, request=replace(request, denied=True)),
        )

    goal = Goal("cpu_us", 0.4, f"{OURS} denied", f"{OURS} forwarded")
    return Case("denial", "denial (403) against a forwarded request", tuple(map(pair, AUTHORIZING)), (goal,),
                charted=False)


def _latency() -> Case:
    runs = (
        Run(f"{OURS} capacity", Actiongate),
        Run(f"{OURS} at 70 %", Actiongate, "rate", rate_of=f"{OURS} capacity"),
        Run("nginx at the same rate", Nginx, "rate", rate_of=f"{OURS} capacity"),
    )
    goal = Goal("p99_us", 1.15, f"{OURS} at 70 %", "nginx at the same rate")
    return Case("latency", f"latency at 70 % of {OURS}'s capacity in the same round, open load", (runs,), (goal,),
                charted=False)


def _workers() -> Case:
    def pair(proxy: type[Proxy]) -> tuple[Run, ...]:
        return tuple(
            Run(f"{proxy.name} {count} worker{'s' * (count > 1)}", proxy, setting=Setting(workers=count))
            for count in (1, 2)
        )

    goal = Goal("cpu_us", 1.05, f"{OURS} 2 workers", f"{OURS} 1 worker")
    return Case("workers", "one and two workers on two cores", tuple(map(pair, PROXIES)), (goal,), two_cores=True,
                charted=False)


CASES = (
    _compare("seen", "seen token, RS256", _cpu(0.9, "nginx"), _cpu(0.23, "haproxy"), _cpu(0.2, "envoy")),
    _compare("fresh-rs256", "fresh token every request, RS256", _cpu(0.7, "haproxy"), _cpu(0.3, "envoy"),
             request=Request(fresh=True)),
    _compare("seen-es256", "seen token, ES256", request=Request(algorithm="ES256")),
    _compare("fresh-es256", "fresh token every request, ES256", _cpu(0.7, "haproxy"), _cpu(0.5, "envoy"),
             request=Request(algorithm="ES256", fresh=True)),
    _compare("tls", "TLS 1.3 downstream", _cpu(1.1, "nginx"), setting=Setting(tls=True)),
    _compare("http2", "HTTP/2 downstream, without TLS, 8 × 8 streams", _cpu(1.1, "nginx"), how="h2load",
             setting=Setting(http2=True)),
    _compare("response-64k", "response body of 64 KiB", request=Request(path=LARGE, answer_bytes=LARGE_BYTES)),
    _compare("request-64k", "request body of 64 KiB", request=Request(method="PUT", body_bytes=LARGE_BYTES)),
    _compare("audit", "audit or access log on, a line a request", _cpu(1.0, "nginx"), setting=Setting(log=True)),
    _denial(),
    _latency(),
    _workers(),
    _compare("memory", "memory: idle, and of an idle HTTP/1.1 connection", Goal("rss_mib", 12),
             Goal("connection_kib", 12), how="memory", charted=False, most_rounds=2),
    _compare("start", "ready after start", Goal("ready_ms", 50), how="start", charted=False, most_rounds=2),
)
