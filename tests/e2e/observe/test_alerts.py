"""The alert rules are valid, ask for metrics that there are, and one of them fires at a real gateway."""

import subprocess
from typing import Any

import pytest
from promql import metrics_of
from watch import DEPLOY, Watch, soon, tool

FOLDER = DEPLOY / "prometheus"


@pytest.fixture(scope="module")
def rules(watch: Watch) -> list[dict[str, Any]]:
    """The rules as Prometheus has read them."""
    rules = [rule for group in watch.ask("rules")["groups"] for rule in group["rules"]]
    assert rules
    return rules


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "rules", "--lint-fatal", "alerts.yml"],
        ["test", "rules", "alerts.test.yml"],
        ["check", "config", "prometheus.yml"],
    ],
)
def test_promtool_finds_nothing(arguments: list[str]) -> None:
    ran = subprocess.run(
        [tool("promtool"), *arguments], cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "SUCCESS" in ran.stdout


def test_every_alert_says_what_it_means_and_what_to_do(rules: list[dict[str, Any]]) -> None:
    for rule in rules:
        assert rule["labels"].keys() == {"severity"}, rule["name"]
        assert rule["labels"]["severity"] in ("critical", "warning"), rule["name"]
        assert rule["annotations"].keys() == {"summary", "description", "runbook"}, rule["name"]
        assert all(rule["annotations"].values()), rule["name"]


def test_every_alert_is_tested(rules: list[dict[str, Any]]) -> None:
    tested = (FOLDER / "alerts.test.yml").read_text()
    for rule in rules:
        assert f'{{alertname="{rule["name"]}",alertstate="firing",' in tested


def test_every_alert_asks_for_metrics_that_there_are(watch: Watch, sent: object, rules: list[dict[str, Any]]) -> None:
    known = watch.names()
    for rule in rules:
        asked = metrics_of(rule["query"])
        assert asked, rule["name"]
        assert asked <= known, rule["name"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('up{job="actiongate"} == 0', {"up"}),
        ("absent(up)", {"up"}),
        (
            'sum by (job, le) (rate(a_total{b=~"c|d", e="{f}"}[5m])) / (b_total > 0.1) unless on (x) c:d',
            {"a_total", "b_total", "c:d"},
        ),
        ("topk(15, sum by (operation) (increase(typo_total[$__range]))) or vector(1e3)", {"typo_total"}),
        ("histogram_quantile(0.99, sum without (le) (rate(a_bucket[1h] offset 5m)))", {"a_bucket"}),
    ],
)
def test_the_metrics_of_an_expression_are_found(expression: str, expected: set[str]) -> None:
    assert metrics_of(expression) == expected


def test_every_alert_can_be_evaluated(watch: Watch) -> None:
    def health() -> dict[str, str]:
        groups = watch.ask("rules")["groups"]
        return {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}

    soon(lambda: "unknown" not in health().values())
    assert set(health().values()) == {"ok"}


def test_an_alert_fires_and_ends(watch: Watch) -> None:
    def firing() -> set[str]:
        alerts = watch.ask("alerts")["alerts"]
        return {
            alert["labels"]["alertname"]
            for alert in alerts
            if alert["state"] == "firing" and alert["labels"]["instance"] == watch.direct
        }

    soon(lambda: watch.value(f'actiongate_ready{{instance="{watch.direct}"}}') == 1)
    assert firing() == set()
    set_right = watch.break_config()
    try:
        soon(firing)
        assert firing() == {"ActiongateReloadFailed"}
    finally:
        set_right()
    soon(lambda: not firing())
