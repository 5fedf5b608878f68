"""nginx: the proxy that authorizes nothing, and the upstream behind all of them."""

import os
from pathlib import Path

from proxy import Proxy, Setting, Site, free_port

LARGE_BYTES = 65536
SMALL = '{"metadata": {"environment": "bench", "role": "web"}}'

_COMMON = """\
daemon off;
# As many as the case has workers; each is one thread.
worker_processes {workers};
{run_as}
pid nginx.pid;
error_log stderr error;
events {{ worker_connections 16384; }}
http {{
    # Off, as in every proxy, unless the case is about it; then nginx's usual format, a line a write.
    access_log {log};
    default_type application/json;
    # Generous, as in every proxy: no connection is closed while the load runs.
    keepalive_requests 1000000000;
    keepalive_timeout 3600s;
    # A body of 64 KiB stays in memory.
    client_body_buffer_size 128k;
    client_max_body_size 16m;
    client_body_temp_path tmp-body;
    proxy_temp_path tmp-proxy;
    fastcgi_temp_path tmp-fastcgi;
    uwsgi_temp_path tmp-uwsgi;
    scgi_temp_path tmp-scgi;
{http}
}}
"""

_PROXY = """\
    upstream api {{
        server 127.0.0.1:{upstream};
        keepalive 256;
        keepalive_requests 1000000000;
        keepalive_timeout 3600s;
    }}
    server {{
        listen 127.0.0.1:{port}{listen} backlog=4096;
        {tls}
        location / {{
            proxy_pass http://api;
            # HTTP/1.1 without `Connection: close`: else no connection to the upstream is kept.
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            # An answer of 64 KiB stays in memory.
            proxy_buffers 16 8k;
            proxy_max_temp_file_size 0;
            # A body is passed on as it comes, as the other proxies do.
            proxy_request_buffering off;
        }}
    }}
"""

_UPSTREAM = """\
    server {{
        {listens}
        location / {{ return 200 '{small}'; }}
        location ~ /large$ {{ alias {large}; default_type application/octet-stream; open_file_cache max=8; }}
        # Swallowed whole before the answer: that comes from another server, which gets no body.
        location ~ /metadata$ {{
            if ($request_method = GET) {{ return 200 '{small}'; }}
            if ($content_length != {bytes}) {{ return 411; }}
            proxy_pass http://127.0.0.1:{small_port};
            proxy_http_version 1.1;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_set_header Connection "";
        }}
    }}
    server {{ listen 127.0.0.1:{small_port}; location / {{ return 200 '{small}'; }} }}
"""


class Nginx(Proxy):
    name = "nginx"
    authorizes = False

    def configure(self) -> list[str]:
        keys = self.site.keys
        tls = f"ssl_certificate {keys.certificate}; ssl_certificate_key {keys.certificate_key}; ssl_protocols TLSv1.3;"
        listen = (" ssl" if self.setting.tls else "") + (" http2" if self.setting.http2 else "")
        http = _PROXY.format(
            upstream=self.site.upstream_port, port=self.port, listen=listen, tls=tls if self.setting.tls else ""
        )
        return _command(self.folder, self.setting.workers, "access.log" if self.setting.log else "off", http)


class Upstream(Proxy):
    """A static API: small JSON, 64 KiB, and a swallower of 64 KiB."""

    name = "upstream"
    authorizes = False

    def __init__(self, site: Site, cores: list[int]):
        # Half of the cores that are not the proxy's; the load has the others.
        super().__init__(site, Setting(workers=max(1, len(cores) // 2)), cores)
        self.port = site.upstream_port

    def configure(self) -> list[str]:
        large = self.folder / "large"
        large.write_bytes(b"x" * LARGE_BYTES)
        listens = " ".join(f"listen 127.0.0.1:{port} backlog=4096;" for port in self.site.upstream_ports)
        http = _UPSTREAM.format(
            listens=listens, small=SMALL, large=large, bytes=LARGE_BYTES, small_port=free_port()
        )
        return _command(self.folder, self.setting.workers, "off", http)


def _run_as() -> str:
    """nginx started by root gives its workers to `nobody`, who may not read below a home."""
    return "user root;" if os.geteuid() == 0 else ""


def _command(folder: Path, workers: int, log: str, http: str) -> list[str]:
    config = folder / "nginx.conf"
    config.write_text(_COMMON.format(workers=workers, run_as=_run_as(), log=log, http=http))
    return ["nginx", "-p", str(folder), "-e", "stderr", "-c", str(config)]
