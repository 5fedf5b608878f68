"""HAProxy 2.6: `jwt_verify`, then claims and the table as rules."""

from proxy import Proxy
from tokens import AUDIENCE, ISSUER

_CONFIG = """\
global
    # One thread a worker.
    nbthread {workers}
    maxconn 8192
    # In the case that is about it a line a request, to standard output, which is a file.
    {log}
defaults
    mode http
    {option}
    # Connections to the upstream serve every client, and are kept.
    http-reuse always
    # No timeout falls into a run.
    timeout connect 5s
    timeout client 1h
    timeout server 1h
    timeout http-keep-alive 1h
frontend api
    bind 127.0.0.1:{port} backlog 4096 {bind}
    http-request set-var(txn.token) http_auth_bearer
    http-request deny deny_status 401 unless {{ var(txn.token) -m found }}
    http-request set-var(txn.algorithm) var(txn.token),jwt_header_query('$.alg')
    # The header chooses between the issuer's two keys, and each key has one algorithm.
    acl rsa_good var(txn.token),jwt_verify("RS256","{rsa}") -m int 1
    acl ec_good var(txn.token),jwt_verify("ES256","{ec}") -m int 1
    acl is_rsa var(txn.algorithm) -m str RS256
    acl is_ec var(txn.algorithm) -m str ES256
    http-request deny deny_status 401 unless is_rsa or is_ec
    http-request deny deny_status 401 if is_rsa !rsa_good
    http-request deny deny_status 401 if is_ec !ec_good
    # Decoded once: the cheapest way to several claims.
    http-request set-var(txn.claims) var(txn.token),word(2,.),ub64dec
    http-request deny deny_status 401 unless {{ var(txn.claims),json_query('$.iss') -m str "{issuer}" }}
    http-request deny deny_status 401 unless {{ var(txn.claims),json_query('$.aud') -m str "{audience}" }}
    http-request set-var(txn.now) date()
    http-request set-var(txn.expires) var(txn.claims),json_query('$.exp','int')
    http-request set-var(txn.begins) var(txn.claims),json_query('$.nbf','int')
    http-request deny deny_status 401 unless {{ var(txn.expires),sub(txn.now) -m int gt 0 }}
    http-request deny deny_status 401 unless {{ var(txn.begins),sub(txn.now) -m int le 0 }}
    # Spaces around it, so that an action is found as a whole word only. (json_query knows no arrays.)
    http-request set-var-fmt(txn.scope) " %[var(txn.claims),json_query('\\$.scope')] "
{rules}
    http-request deny deny_status 403
    default_backend upstream
backend upstream
    # Idle connections are not given up within a run.
    server api 127.0.0.1:{upstream} pool-purge-delay 1h
"""


class HAProxy(Proxy):
    name = "haproxy"

    def configure(self) -> list[str]:
        keys = self.site.keys
        bind = f"ssl crt {keys.certificate_and_key} ssl-min-ver TLSv1.3 alpn http/1.1" if self.setting.tls else ""
        config = self.folder / "haproxy.cfg"
        config.write_text(_CONFIG.format(
            workers=self.setting.workers,
            log="log stdout format raw daemon" if self.setting.log else "",
            option="log global\n    option httplog" if self.setting.log else "",
            port=self.port,
            bind=bind or ("proto h2" if self.setting.http2 else ""),
            rsa=keys.public("RS256"),
            ec=keys.public("ES256"),
            issuer=ISSUER,
            audience=AUDIENCE,
            rules="\n".join(map(_rule, self.site.routes)),
            upstream=self.site.upstream_port,
        ))
        return ["haproxy", "-db", "-f", str(config)]


def _rule(route) -> str:
    actions = " ".join(f'{{ var(txn.scope) -m sub " {action} " }}' for action in route.actions)
    pattern = route.pattern().replace("\\", "\\\\")
    return f"    http-request allow if {{ method {route.method} }} {{ path_reg ^{pattern}$ }} {actions}"
