"""Generated request lines: what the gateway authorized is what the upstream's router chose.

`LINES` says how many, `SEED` which; each line that was ever read in two ways stands in lines.txt.
"""

import os
from pathlib import Path

import pytest
from drive import drive
from gate import REPORTS, SERVERS, Stand, routes
from judge import Judgement
from lines import Generator, Line

LINES = int(os.environ.get("LINES", "50000"))
SEED = os.environ.get("SEED", "actiongate")
ROWS = [Line.from_row(row) for row in (Path(__file__).parent / "lines.txt").read_text().splitlines() if row[:2] != "# "]


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("server", SERVERS)
def test_what_was_authorized_is_what_runs(server, tmp_path, capsys):
    operations = routes()
    generator = Generator(operations, f"{SEED}:{server}")
    # uWSGI, which reads a target most freely and is fastest, takes most.
    count = LINES * 85 // 100 if server == "uwsgi" else LINES * 5 // 100

    def line_of(number):
        return ROWS[number] if number < len(ROWS) else generator.line(number)

    with Stand(tmp_path, server) as stand:
        answers = drive(stand.gateway, line_of, range(count + len(ROWS)))
    judgement = Judgement(stand, operations, line_of)
    with capsys.disabled():
        print(f"\n{server}: {judgement.summary()}")
    judgement.write(REPORTS / f"lines-{server}.txt")
    assert judgement.differences == []
    assert judgement.unchosen == []
    assert sum(judgement.agreed.values()) > count / 10
    assert ("none", "-") not in answers
