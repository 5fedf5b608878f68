"""The gateway itself, as it comes: what differs from its defaults is said here."""

import json

from proxy import Proxy
from tokens import AUDIENCE, ISSUER

_CONFIG = """\
[listen]
address = "127.0.0.1:{port}"
workers = {workers}
# Generous, as in every proxy: no connection is closed while the load runs.
max_connections = 8192
max_requests_per_connection = 1000000000
client_timeout = "1h"
{tls}

[upstream]
urls = {upstreams}
# As with the built-in table; here the table is the file that every proxy's rules are made of.
profile = "nova"
idle_timeout = "1h"
idle_connections = 8192
max_pending = 8192

[table]
builtin = "none"
files = ["{table}"]

[[issuer]]
name = "{issuer}"
audiences = ["{audience}"]
keys = "{jwks}"

[issuer.claims]
project = "/project_id"
actions = "/scope"

# Off, as in every proxy, unless the case is about it.
[audit]
enabled = {audit}
file = "audit.jsonl"

[log]
level = "warn"
"""


class Actiongate(Proxy):
    name = "actiongate"

    def configure(self) -> list[str]:
        keys, ports = self.site.keys, self.site.upstream_ports[: self.setting.endpoints]
        certificates = f'[{{ chain = "{keys.certificate}", key = "{keys.certificate_key}" }}]'
        config = self.folder / "actiongate.toml"
        config.write_text(_CONFIG.format(
            port=self.port,
            workers=self.setting.workers,
            tls=f"[listen.tls]\ncertificates = {certificates}" if self.setting.tls else "",
            upstreams=json.dumps([f"http://127.0.0.1:{port}" for port in ports]),
            table=self.setting.table or self.site.table,
            issuer=ISSUER,
            audience=AUDIENCE,
            jwks=keys.jwks,
            audit="true" if self.setting.log else "false",
        ))
        return [str(self.site.gateway), "run", "--config", str(config)]
