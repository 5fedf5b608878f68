"""Before anything is measured: does each proxy forward and refuse what it should?"""

import time
from dataclasses import replace

from load import Request, ask_once
from proxy import Proxy
from table import UNLISTED


def check(proxy: Proxy, request: Request, case: str) -> None:
    """Ends the program where one control fails: what follows would compare nothing."""
    keys, algorithm = proxy.site.keys, request.algorithm
    unlisted = replace(request, method="GET", path=UNLISTED, body_bytes=0)
    forwarded = [("allowed", request, keys.allowed(algorithm), {200})]
    refused = [
        ("no token", request, None, {401}),
        ("forged token", request, keys.forged(algorithm), {401}),
        ("expired token", request, keys.signed(algorithm, exp=int(time.time()) - 3600), {401}),
        ("another issuer's token", request, keys.signed(algorithm, iss="https://iam.other.example"), {401}),
        # Envoy calls it forbidden.
        ("a token for another audience", request, keys.signed(algorithm, aud="other"), {401, 403}),
        ("unlisted operation", unlisted, keys.allowed(algorithm), {403, 404}),
        ("action lacking", request, keys.lacking(algorithm), {403}),
    ]
    for name, asked, token, expected in forwarded + (refused if proxy.authorizes else []):
        status, length = ask_once(proxy, asked, token)
        if status not in expected:
            _fail(proxy, case, name, f"status {status} instead of {' or '.join(map(str, sorted(expected)))}")
        if status == 200 and request.answer_bytes not in (None, length):
            _fail(proxy, case, name, f"{length} bytes instead of {request.answer_bytes}")


def _fail(proxy: Proxy, case: str, name: str, found: str) -> None:
    error = (proxy.folder / "err").read_text()[-1000:]
    raise SystemExit(f"control failed: case {case}, {proxy.name}, {name}: {found}\n{error}")
