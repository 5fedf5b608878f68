"""The manifests: valid by Kubernetes' own schemas, held to its restricted Pods, with a config that can be used."""

import base64
import shutil
import subprocess

import kubernetes_validate
import pytest
import yaml
from cryptography.hazmat.primitives.serialization import Encoding

from authority import certificate
from engine import HARDENED, ROOT

# The oldest with native sidecars and preStop.sleep on by default, and the newest known.
VERSIONS = ["1.30", "1.37"]
KINDS = {
    "gateway": [
        "ConfigMap",
        "Deployment",
        "HorizontalPodAutoscaler",
        "NetworkPolicy",
        "NetworkPolicy",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "Secret",
        "Service",
        "ServiceAccount",
    ],
    "sidecar": ["ConfigMap", "Deployment", "NetworkPolicy", "Secret", "Service"],
}


def build(folder) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the folder with the files that are the user's own."""
    tree = tmp_path_factory.mktemp("deploy") / "kubernetes"
    shutil.copytree(ROOT / "deploy/kubernetes", tree)
    for own in tree.glob("overlays/*/own"):
        (own / "issuer-ca.pem").write_bytes(certificate().public_bytes(Encoding.PEM))
        (own / "admin.token").write_text("opensesame")
        (own / "upstream.token").write_text("opensesame")
    return tree


@pytest.fixture(scope="module", params=["gateway", "sidecar"])
def overlay(request, tree):
    built = build(tree / "overlays" / request.param)
    assert (built.returncode, built.stderr) == (0, "")
    return request.param, list(yaml.safe_load_all(built.stdout))


def of_kind(manifests: list[dict], kind: str) -> list[dict]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def one(manifests: list[dict], kind: str) -> dict:
    (found,) = of_kind(manifests, kind)
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_is_valid(overlay, version):
    name, manifests = overlay
    assert sorted(manifest["kind"] for manifest in manifests) == KINDS[name]
    for manifest in manifests:
        kubernetes_validate.validate(manifest, version, strict=True)
        assert manifest["metadata"]["namespace"] == "nova"
    # The check is one: a field that is misspelled is found.
    wrong = one(manifests, "Deployment")
    wrong = {**wrong, "spec": {**wrong["spec"], "replica": 1}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, version, strict=True)


def test_builds_nothing_without_secrets_of_ones_own(overlay):
    built = build(ROOT / "deploy/kubernetes/overlays" / overlay[0])
    assert built.returncode != 0
    assert built.stdout == ""
    assert "own/" in built.stderr


def test_keeps_to_restricted_pods(overlay):
    spec = one(overlay[1], "Deployment")["spec"]["template"]["spec"]
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
    assert spec["automountServiceAccountToken"] is False
    assert {kind for volume in spec["volumes"] for kind in volume} == {"name", "configMap", "secret"}
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        context = {**spec.get("securityContext", {}), **container["securityContext"]}
        assert context["runAsNonRoot"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert "privileged" not in context
        if container["name"] == "actiongate":
            assert context["readOnlyRootFilesystem"] is True
            assert context["runAsUser"] == 65532
            assert {"startupProbe", "livenessProbe", "readinessProbe", "resources"} <= container.keys()


def test_names_what_is_there(overlay):
    name, manifests = overlay
    spec = one(manifests, "Deployment")["spec"]["template"]["spec"]
    containers = [*spec.get("initContainers", []), *spec["containers"]]
    gateway = next(container for container in containers if container["name"] == "actiongate")
    assert gateway["image"] == "registry.example.com/actiongate:0.1.0"
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    mounted = [volumes[mount["name"]] for mount in gateway["volumeMounts"]]
    assert mounted[0]["configMap"]["name"] == one(manifests, "ConfigMap")["metadata"]["name"]
    assert mounted[1]["secret"]["secretName"] == one(manifests, "Secret")["metadata"]["name"]
    service = one(manifests, "Service")["spec"]
    ports = {port["name"]: port["containerPort"] for port in gateway["ports"]}
    assert ports[service["ports"][0]["targetPort"]] == 8080
    labels = one(manifests, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert service["selector"].items() <= labels.items()
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert gateway[probe]["httpGet"]["port"] == "admin"
    assert ports["admin"] == 9090
    if name == "gateway":
        budget = one(manifests, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"]
        spread = [constraint["labelSelector"]["matchLabels"] for constraint in spec["topologySpreadConstraints"]]
        scaled = one(manifests, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
        for selector in (budget, *spread):
            assert selector and selector.items() <= labels.items()
        assert scaled["name"] == one(manifests, "Deployment")["metadata"]["name"]


def test_lets_nobody_in_but_through_the_gateway(overlay):
    name, manifests = overlay
    policies = {policy["metadata"]["name"]: policy["spec"] for policy in of_kind(manifests, "NetworkPolicy")}
    if name == "gateway":
        own = {"app.kubernetes.io/name": "actiongate", "app.kubernetes.io/component": "gateway"}
        assert policies["actiongate"]["podSelector"] == {"matchLabels": own}
        nova = policies["nova-from-actiongate"]
        assert nova["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": "nova-api"}}
        assert nova["ingress"] == [{"from": [{"podSelector": {"matchLabels": own}}], "ports": [{"port": 8774}]}]
        ingress = policies["actiongate"]["ingress"]
    else:
        deployment = one(manifests, "Deployment")
        spec = deployment["spec"]["template"]["spec"]
        (gateway,) = spec["initContainers"]
        assert gateway["restartPolicy"] == "Always"
        assert not any("ports" in container for container in spec["containers"])
        selector = policies["actiongate-sidecar"]["podSelector"]["matchLabels"]
        assert selector.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
        ingress = policies["actiongate-sidecar"]["ingress"]
    # To the gateway anybody, to what it tells about itself Prometheus only.
    clients, operators = ingress
    assert clients.keys() == {"ports"}
    assert operators["ports"] == [{"port": "admin"}]
    assert operators["from"]


def test_has_a_config_that_can_be_used(engine, image, overlay, tmp_path):
    name, manifests = overlay
    for folder, files in (
        ("config", one(manifests, "ConfigMap")["data"]),
        ("secret", {name: base64.b64decode(data).decode() for name, data in one(manifests, "Secret")["data"].items()}),
    ):
        (tmp_path / folder).mkdir()
        for file, text in files.items():
            (tmp_path / folder / file).write_text(text)
    mounts = ["--volume", f"{tmp_path}/config:/etc/actiongate:ro", "--volume", f"{tmp_path}/secret:/run/secrets/actiongate:ro"]
    check = ["check", "--config", "/etc/actiongate/actiongate.toml"]
    ran = engine.ask("run", "--rm", "--network", "none", *HARDENED, *mounts, image, *check)
    assert ran.returncode == 0, ran.stderr
    (tmp_path / "config/issuer-ca.pem").write_text("")
    ran = engine.ask("run", "--rm", "--network", "none", *HARDENED, *mounts, image, *check)
    assert ran.returncode == 1, ran.stdout
