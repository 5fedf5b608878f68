"""Traces with OpenTelemetry's own parts: its SDK as the caller, its service definitions as the collector."""

import threading
import urllib.request
from collections.abc import Iterator
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
import pytest
from opentelemetry.propagate import inject
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind

from program import start_gateway

# A route that everybody may ask for.
TABLE = """
[[operation]]
permission = 'versions'
routes = ['GET /v9/{thing}']
project = 'none'
access = 'public'
"""


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps what it is sent, over gRPC or HTTP."""

    def __init__(self):
        self.requests: list[trace_service_pb2.ExportTraceServiceRequest] = []

    def Export(self, request, context):  # noqa: N802
        self.requests.append(request)
        return trace_service_pb2.ExportTraceServiceResponse()

    def spans(self):
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


def serve(answer) -> tuple[ThreadingHTTPServer, str]:
    """A server that does this with each request, until it is shut down."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            answered = answer(self, body)
            self.send_response(200)
            self.send_header("content-length", str(len(answered)))
            self.end_headers()
            self.wfile.write(answered)

        do_POST = do_GET

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever).start()
    return server, f"http://127.0.0.1:{server.server_port}"


@pytest.fixture(params=["grpc", "http"])
def collector(request) -> Iterator[tuple[Collector, str]]:
    collector = Collector()
    if request.param == "grpc":
        server = grpc.server(futures.ThreadPoolExecutor(1))
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield collector, f'endpoint = "http://127.0.0.1:{port}"\nprotocol = "grpc"'
        server.stop(None).wait()
        return

    def export(handler, body: bytes) -> bytes:
        assert handler.path == "/v1/traces"
        parsed = trace_service_pb2.ExportTraceServiceRequest.FromString(body)
        return collector.Export(parsed, None).SerializeToString()

    server, url = serve(export)
    yield collector, f'endpoint = "{url}"'
    server.shutdown()
    server.server_close()


def test_one_trace_goes_from_the_caller_to_the_upstream(collector: tuple[Collector, str], tmp_path: Path):
    collector, tracing = collector
    told = []

    def answer(handler, _body: bytes) -> bytes:
        told.append(handler.headers["traceparent"])
        return b"{}"

    upstream, url = serve(answer)
    (tmp_path / "table.toml").write_text(TABLE)
    more = f'[table]\nfiles = ["table.toml"]\n\n[tracing]\n{tracing}\nsample = 1\n'
    gateway = start_gateway(tmp_path, url, more)
    try:
        address = gateway.err.find(r"listening on (http://[^ ,]+)")[1]
        tracer = TracerProvider().get_tracer("test")
        with tracer.start_as_current_span("caller", kind=SpanKind.CLIENT) as caller:
            headers: dict[str, str] = {}
            inject(headers)
            request = urllib.request.Request(f"{address}/v9/secret", headers=headers)
            with urllib.request.urlopen(request, timeout=10) as answered:
                assert answered.read() == b"{}"
            context = caller.get_span_context()
    finally:
        # The last spans are sent before the end.
        gateway.stop()
        upstream.shutdown()
        upstream.server_close()
    server, client = collector.spans()
    for span in (server, client):
        assert int.from_bytes(span.trace_id) == context.trace_id
        assert (span.end_time_unix_nano - span.start_time_unix_nano) in range(1, 10_000_000_000)
    assert int.from_bytes(server.parent_span_id) == context.span_id
    assert client.parent_span_id == server.span_id
    assert told == [f"00-{client.trace_id.hex()}-{client.span_id.hex()}-01"]
    assert server.name == "GET /v9/{thing}"
    assert (server.kind, client.kind) == (server.SPAN_KIND_SERVER, client.SPAN_KIND_CLIENT)
    assert b"secret" not in b"".join(request.SerializeToString() for request in collector.requests)
