"""The load: wrk (HTTP/1.1), h2load (HTTP/2), and an open load at a given rate (LuaJIT)."""

import json
import os
import subprocess
from dataclasses import dataclass, fields, replace
from pathlib import Path

from figures import percentile
from proxy import Proxy, request_text
from table import METADATA
from tokens import Keys

HERE = Path(__file__).parent
CONNECTIONS = 64
STREAMS = 8
"""Of each HTTP/2 connection at once: as many requests are under way as over HTTP/1.1."""
FRESH_PER_S = {"RS256": 40_000, "ES256": 25_000}
"""More than any proxy here verifies in a second: so many tokens are signed, and a run that uses them up fails."""
WALK_S = 3
"""In which a proxy has seen as many tokens as its cache holds."""

# One cipher, whatever a proxy prefers: it is not what is compared.
_TLS = """\
openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = one
[one]
Ciphersuites = TLS_AES_128_GCM_SHA256
MinProtocol = TLSv1.3
"""


@dataclass(frozen=True)
class Request:
    """What is sent, and how it is answered."""

    method: str = "GET"
    path: str = METADATA
    body_bytes: int = 0
    answer_bytes: int | None = None
    """The length of the forwarded answer's body, where it matters."""
    algorithm: str = "RS256"
    fresh: bool = False
    """Another token in each request: none comes twice between two starts of a proxy."""
    denied: bool = False
    """With a good token that lacks the action: 403 each time."""
    tokens: int = 1
    """Of so many distinct ones each request takes any."""
    paths: int = 0
    """Of so many paths below the generated table each request takes any, instead of `path`."""
    connections: int = CONNECTIONS

    def plain(self) -> "Request":
        return replace(self, fresh=False)

    def mode(self) -> str:
        """How `wrk.lua` chooses tokens."""
        return "fresh" if self.fresh else "any" if self.tokens > 1 else "seen"

    def token(self, keys: Keys) -> str:
        return keys.lacking(self.algorithm) if self.denied else keys.allowed(self.algorithm)


@dataclass(frozen=True)
class Answered:
    """What the load saw; times in µs. Nothing in it was refused or broken that should not have been."""

    requests: int
    seconds: float
    p50: float
    p99: float
    p999: float
    sent_late_p99: float | None = None
    """Of an open load: from when a request was due to its sending; part of its time."""


def fresh_tokens(keys: Keys, algorithm: str, seconds: float) -> Path:
    """A file with enough of them for so long a run; signed when it is first asked for."""
    return keys.many(algorithm, int(FRESH_PER_S[algorithm] * (seconds + 0.2)))


class Load:
    """A client of one proxy, on cores of its own."""

    def __init__(self, proxy: Proxy, request: Request, cores: list[int]):
        self.proxy, self.request = proxy, request
        # The upstream has the other half of them.
        self._threads = max(1, len(cores) // 2)
        self._pin = ["taskset", "-c", ",".join(map(str, cores))]
        self._folder = proxy.folder
        self._token = request.token(proxy.site.keys)
        tls = self._folder / "openssl.cnf"
        tls.write_text(_TLS)
        self._environment = {**os.environ, "OPENSSL_CONF": str(tls)}
        self._url = f"{'https' if proxy.setting.tls else 'http'}://127.0.0.1:{proxy.port}{request.path}"

    def wrk(self, seconds: float, mode: str | None = None) -> Answered:
        """A closed load. Percentiles are wrk's own: from a request's sending, corrected for those that a slow one held up."""
        request, mode = self.request, mode or self.request.mode()
        if mode == "fresh":
            tokens = fresh_tokens(self.proxy.site.keys, request.algorithm, seconds)
        elif mode == "seen":
            tokens = self._folder / "token"
            tokens.write_text(f"{self._token}\n")
        else:
            tokens = self.proxy.site.keys.many(request.algorithm, request.tokens)
        threads = min(self._threads, request.connections)
        # wrk takes whole seconds.
        said = self._run(
            "wrk", f"-t{threads}", f"-c{request.connections}", f"-d{max(1, round(seconds))}s", "-s", HERE / "wrk.lua",
            self._url, "--", request.method, request.path, request.body_bytes, tokens, mode, threads, request.tokens,
            request.paths,
        )
        saw = json.loads(said.splitlines()[-1])
        if saw["exhausted"]:
            raise SystemExit(f"{self.proxy.name} used up all fresh tokens: raise FRESH_PER_S in load.py")
        return self._answered(saw, saw["refused"], saw["broken"])

    def walk(self) -> Answered:
        """Shows the proxy the tokens, one after the other, as many as it verifies in the time."""
        return self.wrk(WALK_S, "walk")

    def h2load(self, seconds: float) -> Answered:
        """A closed load over HTTP/2 without TLS (prior knowledge); times as h2load logs them for each request."""
        log = self._folder / "h2load.log"
        log.unlink(missing_ok=True)
        self._run(
            "h2load", "-t", self._threads, "-c", CONNECTIONS // STREAMS, "-m", STREAMS, "-D", f"{round(seconds * 1000)}ms",
            f"--log-file={log}", *_headers(self.request, self._token), self._url,
        )
        rows = [tuple(map(int, line.split("\t"))) for line in log.read_text().splitlines()]
        times = [time for _, _, time in rows]
        refused = sum(status >= 0 and status != 200 for _, status, _ in rows)
        broken = sum(status < 0 for _, status, _ in rows)
        return self._answered(
            {"requests": len(rows), "seconds": seconds, "p50": percentile(times, 0.5), "p99": percentile(times, 0.99),
             "p999": percentile(times, 0.999)}, refused, broken,
        )

    def rate(self, seconds: float, rate: float) -> Answered:
        """An open load: `rate.lua` says how its times are taken."""
        text = self._folder / "request"
        text.write_bytes(request_text(self._token, self.request.path))
        said = self._run("luajit", HERE / "rate.lua", self.proxy.port, rate, seconds, CONNECTIONS, text)
        saw = json.loads(said)
        if saw["seconds"] > seconds * 1.05 + 0.1:
            print(f"    not kept up with: {rate:.0f} requests/s for {seconds} s took {saw['seconds']:.2f} s", flush=True)
        return self._answered(saw, saw["refused"], 0)

    def _run(self, *command: object) -> str:
        done = subprocess.run(
            [*self._pin, *map(str, command)], cwd=self._folder, env=self._environment, capture_output=True, text=True
        )
        if done.returncode:
            raise SystemExit(f"the load on {self.proxy.name} failed: {done.stdout}{done.stderr}")
        return done.stdout

    def _answered(self, saw: dict, refused: int, broken: int) -> Answered:
        expected = saw["requests"] if self.request.denied else 0
        if broken or refused != expected or not saw["requests"]:
            raise SystemExit(
                f"{self.proxy.name}: of {saw['requests']} requests {refused} were refused instead of {expected},"
                f" and {broken} broke"
            )
        return Answered(**{field.name: saw.get(field.name) for field in fields(Answered)})


def _headers(request: Request, token: str | None) -> list[str]:
    headers = [f":method: {request.method}", "accept: application/json", "user-agent: python-novaclient"]
    headers += [f"authorization: Bearer {token}"] if token else []
    headers += ["content-type: application/json"] if request.body_bytes else []
    return [argument for header in headers for argument in ("-H", header)]


def ask_once(proxy: Proxy, request: Request, token: str | None) -> tuple[int, int]:
    """One request by h2load, over the same protocol as the load: the status and the length of the answer's body."""
    log, body = proxy.folder / "once.log", proxy.folder / "body"
    log.unlink(missing_ok=True)
    body.write_bytes(b"x" * request.body_bytes)
    # Of many paths, the first.
    path = request.path.replace("%d", "0")
    url = f"{'https' if proxy.setting.tls else 'http'}://127.0.0.1:{proxy.port}{path}"
    said = subprocess.run(
        ["h2load", "-n1", "-c1", f"--log-file={log}", *(() if proxy.setting.http2 else ("--h1",)),
         *(("-d", str(body)) if request.body_bytes else ()), *_headers(request, token), url],
        capture_output=True, text=True, timeout=20,
    ).stdout
    traffic = next(line for line in said.splitlines() if line.startswith("traffic:"))
    return int(log.read_text().split("\t")[1]), int(traffic.rsplit("(", 1)[1].split(")")[0])
