"""A real Prometheus reads the metrics, in both forms, and its linter has nothing to say about them."""

import math
import subprocess

import pytest
from watch import TEXT, Watch, fetch, soon, tool


def test_the_linter_finds_nothing(watch: Watch, sent: object) -> None:
    _, text = fetch(watch.metrics_url, TEXT)
    command = [tool("promtool"), "check", "metrics"]
    ran = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_the_linter_would_find_something() -> None:
    wrong = "# TYPE actiongate_requests counter\nactiongate_requests 1\n"
    command = [tool("promtool"), "check", "metrics"]
    ran = subprocess.run(command, input=wrong, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode != 0
    assert 'counter metrics should have "_total" suffix' in ran.stderr


def test_prometheus_is_given_openmetrics_and_older_ones_text(watch: Watch) -> None:
    (accepted,) = soon(lambda: watch.relay.accepted)
    media_type, text = fetch(watch.metrics_url, accepted)
    assert media_type == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert text.endswith("# EOF\n")
    media_type, _ = fetch(watch.metrics_url, TEXT)
    assert media_type == "text/plain; version=0.0.4; charset=utf-8"


@pytest.mark.parametrize("form", ["direct", "as_text"])
class TestEitherForm:
    """Prometheus reads OpenMetrics from the gateway itself and text from the relay."""

    def test_every_request_is_counted(self, watch: Watch, sent: dict[tuple[str, str], int], form: str) -> None:
        query = f'actiongate_requests_total{{job="actiongate",instance="{getattr(watch, form)}"}}'

        def counted() -> dict[tuple[str, str], int]:
            samples = watch.query(query)
            return {
                (sample["metric"]["decision"], sample["metric"]["reason"]): int(sample["value"][1])
                for sample in samples
            }

        soon(lambda: sum(counted().values()) >= sum(sent.values()))
        assert counted() == sent

    def test_quantiles_can_be_computed(self, watch: Watch, sent: object, form: str) -> None:
        for name in ("request", "own", "upstream"):
            bucket = f'actiongate_{name}_duration_seconds_bucket{{instance="{getattr(watch, form)}"}}'
            quantile = f"histogram_quantile(0.99, {bucket})"
            # There is none before something has been counted, and none ever without a bucket for +Inf.
            soon(lambda quantile=quantile: math.isfinite(watch.value(quantile)))
            assert 0 < watch.value(quantile) < 60

    def test_every_metric_has_a_type_and_help(self, watch: Watch, form: str) -> None:
        target = f'{{instance="{getattr(watch, form)}"}}'
        described = soon(lambda: watch.ask("targets/metadata", match_target=target))
        of_metrics = {entry["metric"]: entry for entry in described}
        assert of_metrics["actiongate_issuer_keys"]["type"] == "gauge"
        assert all(entry["help"] and entry["type"] != "unknown" for entry in described)
