"""The dashboard is whole, and a real Prometheus has something to show in each of its panels.

Grafana itself is not run.
"""

import json
import re
from itertools import combinations
from typing import Any

import pytest
import yaml
from promql import metrics_of
from watch import DEPLOY, Watch, soon

DASHBOARD = json.loads((DEPLOY / "grafana/dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
# As Grafana would fill them in.
VARIABLES = {"$__rate_interval": "1m", "$__range": "5m", "$instance": ".*"}


def queries() -> list[Any]:
    return [
        pytest.param(target["expr"], id=f"{panel['title']} {target['refId']}")
        for panel in PANELS
        for target in panel["targets"]
    ]


def filled(expression: str) -> str:
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, expression
    return expression


def test_every_panel_is_whole() -> None:
    assert len(PANELS) > 10
    titles = [panel["title"] for panel in DASHBOARD["panels"]]
    assert len(set(titles)) == len(titles), "two panels have one title"
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids), "two panels have one id"
    for panel in PANELS:
        name = panel["title"]
        assert panel["description"].endswith("."), name
        assert panel["fieldConfig"]["defaults"]["unit"], name
        assert panel["datasource"] == SOURCE, name
        assert all(target["datasource"] == SOURCE for target in panel["targets"]), name
        letters = [target["refId"] for target in panel["targets"]]
        assert len(set(letters)) == len(letters) > 0, name


def test_no_panel_covers_another() -> None:
    def area(panel: dict[str, Any]) -> set[tuple[int, int]]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        return {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }

    for one, other in combinations(DASHBOARD["panels"], 2):
        assert not area(one) & area(other), f"{one['title']} and {other['title']}"


def test_source_and_gateways_can_be_chosen(watch: Watch, sent: object) -> None:
    source, instance = DASHBOARD["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == ("datasource", "datasource", "prometheus")
    assert (instance["name"], instance["type"], instance["datasource"]) == ("instance", "query", SOURCE)
    metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", instance["query"]["query"]).groups()
    instances = soon(lambda: {sample["metric"][label] for sample in watch.query(metric)})
    assert instances <= {watch.direct, watch.as_text}
    for panel in PANELS:
        for target in panel["targets"]:
            selectors = re.findall(r"\{[^}]*\}", target["expr"])
            assert selectors, panel["title"]
            assert all('instance=~"$instance"' in selector for selector in selectors), panel["title"]


@pytest.mark.parametrize("expression", queries())
def test_a_query_has_something_to_show(watch: Watch, sent: object, expression: str) -> None:
    assert metrics_of(expression) <= watch.names()
    # Rates want two scrapes.
    soon(lambda: watch.query(filled(expression)))


def test_annotations_can_be_asked_for(watch: Watch) -> None:
    of_prometheus = [entry for entry in DASHBOARD["annotations"]["list"] if entry["datasource"] == SOURCE]
    assert of_prometheus
    for annotation in of_prometheus:
        assert metrics_of(annotation["expr"]) <= watch.names()
        watch.query(filled(annotation["expr"]))


def test_grafana_finds_source_and_dashboard_where_they_are_mounted() -> None:
    folder = DEPLOY / "grafana/provisioning"
    (source,) = yaml.safe_load((folder / "datasources/prometheus.yml").read_text())["datasources"]
    assert (source["type"], source["isDefault"]) == (SOURCE["type"], True)
    scraped = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == scraped, "$__rate_interval would be too short or too long"
    (provider,) = yaml.safe_load((folder / "dashboards/actiongate.yml").read_text())["providers"]
    assert (provider["type"], provider["options"]["path"]) == ("file", "/var/lib/grafana/dashboards")
