"""The local try: what compose makes of its file, and the demo as it stands there.

Prometheus and Grafana are not run: no registry has to be there for these tests. tests/e2e/observe has what
Prometheus does with the files that are mounted here.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from engine import ROOT, Container

COMPOSE = ROOT / "deploy/compose.yaml"


@pytest.fixture(scope="module")
def services() -> dict:
    command = ["docker-compose", "--file", str(COMPOSE), "config"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return yaml.safe_load(ran.stdout)["services"]


def test_is_valid_and_for_this_machine_only(services):
    assert services.keys() == {"actiongate", "prometheus", "grafana"}
    ports = [port for service in services.values() for port in service["ports"]]
    assert len(ports) == 4
    assert len({port.rsplit(":", 1)[0] for port in ports}) == 4
    for port in ports:
        assert port.startswith("127.0.0.1:"), port
    for name, service in services.items():
        assert name == "actiongate" or re.search(r":v?\d+\.\d+\.\d+$", service["image"]), service["image"]
        assert service["cap_drop"] == ["ALL"]


def test_mounts_what_is_there(services):
    mounts = [volume.split(":") for name in ("prometheus", "grafana") for volume in services[name]["volumes"]]
    assert len(mounts) == 3
    for source, _, mode in mounts:
        assert Path(source).exists(), source
        assert mode == "ro"
    targets = {target for _, target, _ in mounts}
    (job,) = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())["scrape_configs"]
    # The service's name and the demo's admin port.
    assert job["static_configs"][0]["targets"] == ["actiongate:9090"]
    provider = yaml.safe_load((ROOT / "deploy/grafana/provisioning/dashboards/actiongate.yml").read_text())
    folder = provider["providers"][0]["options"]["path"]
    home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home.startswith(f"{folder}/")
    assert home in targets


def test_demo_runs_as_it_says(engine, image, services, tmp_path):
    service = services["actiongate"]
    (volume,) = service["volumes"]
    assert volume["source"] == volume["target"]
    user, group = map(int, service["user"].split(":"))
    (tmp_path / "demo").mkdir(mode=0o700)
    os.chown(tmp_path / "demo", user, group)
    options = ["--network", "none", "--user", service["user"], "--read-only", "--cap-drop", "ALL"]
    options += ["--security-opt", *service["security_opt"], "--volume", f"{tmp_path}/demo:{volume['target']}"]
    assert service["read_only"] is True
    with Container(engine, image, *service["command"], options=options) as demo:
        demo.log.find("telling about itself on 0.0.0.0:9090")
        demo.log.find("the gateway is http://0.0.0.0:8080")
        # As compose probes it.
        kind, *probe = service["healthcheck"]["test"]
        assert kind == "CMD"
        ran = demo.run(*probe)
        assert (ran.returncode, ran.stdout) == (0, "ready\n"), ran.stderr
        assert (tmp_path / "demo/operator.token").stat().st_uid == user
