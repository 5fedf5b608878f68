"""Operations that their bodies tell apart: judged by the whole body, or refused where there is none."""

from fronted import PROJECT, SERVER, Stand
from test_paths import check

ACTION = f"/v2.1/{PROJECT}/servers/{SERVER}/action"
JSON = "Content-Type: application/json"
START, STOP = b'{"os-start": null}', b'{"os-stop": null}'


def test_action(stand: Stand):
    token = stand.base.token("ecs:servers:start")
    started = stand.send(stand.head("POST", ACTION, JSON, token=token), START)
    stopped = stand.send(stand.head("POST", ACTION, JSON, token=token), STOP)
    if not stand.product.sends_body:
        assert (started.reason, stopped.reason) == ("body_not_forwarded",) * 2
        assert (started.status, stopped.status) == (403, 403)
        assert check(stand) == 0
        return
    assert started.reason is None, started
    assert stopped.reason == "action_missing", stopped
    assert check(stand) == 1


def test_odd_bodies(stand: Stand):
    token = stand.base.token("ecs:servers:start")
    padding = b" " * 70_000
    for body in (b"", b"{}", b"[]", b'{"os-start": null, "os-stop": null}', b'{"os-start": null, "os-start": null}',
                 b'{"OS-START": null}', b"\xef\xbb\xbf" + START, START + b"x", b'{"os-start": "\xff"}',
                 START + padding, padding + STOP, b'{"os-start": null' + padding + b', "os-stop": null}'):
        answer = stand.send(stand.head("POST", ACTION, JSON, token=token), body)
        assert answer.status >= 400, (body[:40], answer)
        assert stand.base.recorder.take() == [], body[:40]
    for kind in ("application/x-www-form-urlencoded", "text/plain", "application/json; version=1.0"):
        answer = stand.send(stand.head("POST", ACTION, f"Content-Type: {kind}", token=token), START)
        assert answer.status >= 400, (kind, answer)
        assert stand.base.recorder.take() == [], kind
    answer = stand.send(stand.head("POST", ACTION, JSON, "Content-Encoding: gzip", token=token), START)
    assert answer.status >= 400
    assert check(stand) == 0
