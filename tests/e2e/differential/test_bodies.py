"""Generated bodies: the action that the gateway authorized is the one that oslo.serialization's reader finds."""

import os

import pytest
from bodies import Generator
from drive import drive
from gate import REPORTS, Stand, routes
from judge import Judgement

BODIES = int(os.environ.get("BODIES", "10000"))
SEED = os.environ.get("SEED", "actiongate")


@pytest.mark.timeout(1200)
def test_the_action_that_was_authorized_is_what_runs(tmp_path, capsys):
    operations = routes()
    generator = Generator(operations, SEED)
    with Stand(tmp_path, "uwsgi") as stand:
        answers = drive(stand.gateway, generator.line, range(BODIES))
    judgement = Judgement(stand, operations, generator.line)
    with capsys.disabled():
        print(f"\nbodies: {judgement.summary()}")
    judgement.write(REPORTS / "bodies.txt")
    assert judgement.differences == []
    assert judgement.unchosen == []
    assert sum(judgement.agreed.values()) > BODIES / 10
    assert ("none", "-") not in answers
