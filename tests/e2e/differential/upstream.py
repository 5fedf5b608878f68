"""The upstream: the router that OpenStack runs, with the action table's routes as Nova lays them out.

A WSGI application for any server. Routes' mapper and middleware, Paste's urlmap, WebOb and
oslo.serialization are the real ones; what Nova adds is written from its behavior. It runs nothing: each
request becomes one line of a log that says which operation was chosen, with which parameters.
"""

import json
import os
import re
import urllib.request

import webob
import webob.dec
from oslo_serialization import jsonutils
from paste.urlmap import URLMap
from routes import Mapper
from routes.middleware import RoutesMiddleware

MEDIA_TYPES = ("application/json", "application/vnd.openstack.compute+json")
OPTION = re.compile(r';\s*([^\s;=]+|"[^"\\]*(?:\\.[^"\\]*)*")\s*(?:=\s*([^;]+|"[^"\\]*(?:\\.[^"\\]*)*")?\s*)?')


class NovaMapper(Mapper):
    """Every route twice, with the project and without."""

    def add(self, method, prefix, path):
        for project, pattern in (("/{project_id}", "/{project_id:[0-9a-f-]+}"), ("", "")):
            self.connect(
                pattern + path,
                conditions={"method": [method]},
                requirements={"format": "json|xml"},
                controller=f"{method} {prefix}{project}{path}",
                action="run",
            )


class NovaUrlmap(URLMap):
    """Chooses the API by the path, else by a media type's `version`.

    A key that ends in `/+` stands for what has something behind that slash.
    """

    def find(self, path):
        for (_, prefix), app in self.applications:
            if prefix.endswith("/+"):
                if path.startswith(prefix[:-1]) and len(path) >= len(prefix):
                    return app, prefix[:-2]
            elif path == prefix or path.startswith(prefix + "/"):
                return app, prefix
        return None, None

    def by_version(self, params):
        if "version" not in params:
            return None, None
        return self.find("/v" + params["version"])

    def __call__(self, environ, start_response):
        path = self.normalize_url(environ["PATH_INFO"], False)[1]
        app, prefix = self.find(path)
        if prefix:
            return self.mounted(app, prefix, path[len(prefix) :], environ, start_response)
        chosen, prefix = self.by_version(options(environ.get("CONTENT_TYPE", ""))[1])
        if chosen is None:
            types = MEDIA_TYPES + (("application/atom+xml",) if path == "/" else ())
            chosen, prefix = self.by_version(best(environ.get("HTTP_ACCEPT", ""), types))
        if chosen is not None:
            # The path stays as it came.
            return self.mounted(chosen, prefix, environ["PATH_INFO"], environ, start_response)
        return self.mounted(app, "", path, environ, start_response)

    def mounted(self, app, prefix, path, environ, start_response):
        environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + prefix
        environ["PATH_INFO"] = path
        return app(environ, start_response)


def options(header):
    """A media type and its parameters, as Nova takes them apart."""
    found = [(unquoted(name), unquoted(value)) for name, value in OPTION.findall(";" + header)]
    return (found[0][0], dict(found[1:])) if found else ("", {})


def unquoted(text):
    return text[1:-1] if text and text[0] == text[-1] == '"' else text


def best(accept, types):
    """The parameters of the range in `Accept` that Nova likes best."""
    quality, mask, params = -1.0, "*/*", {}
    ranges = [options(item) for item in urllib.request.parse_http_list(accept)]
    for media_type in types:
        for candidate, candidate_params in ranges:
            try:
                candidate_quality = float(candidate_params.get("q", 1))
            except ValueError:
                continue
            if candidate_quality < quality:
                continue
            if candidate_quality == quality and mask.count("*") <= candidate.count("*"):
                continue
            major = candidate == "*/*" or candidate[:-2] == media_type.split("/")[0]
            if candidate == media_type or ("*" in candidate and major):
                quality, mask, params = candidate_quality, candidate, candidate_params
    return params


def order(path):
    """Nova lists a literal before the parameter in its place."""
    return [("{" in segment, segment) for segment in path.split("/")]


def action_key(request):
    """The one member that names an action, as Nova peeks at it."""
    if request.content_type not in ("", "text/plain", *MEDIA_TYPES):
        return "(415)"
    try:
        decoded = jsonutils.loads(request.body)
    except ValueError:
        return "(400)"
    if len(decoded) != 1:
        return "(400)"
    return next(iter(decoded)) if isinstance(decoded, dict) else "(404)"


class Upstream:
    """The application."""

    def __init__(self, routes, log):
        self.log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.urlmap = NovaUrlmap()
        self.urlmap["/"] = self.versions
        paths = {}
        for method, path in routes:
            version, _, rest = path[1:].partition("/")
            if version:
                paths.setdefault(f"/{version}", set()).add((method, rest.removeprefix("{project_id}")))
        for prefix, listed in paths.items():
            self.urlmap[prefix] = self.version(prefix)
            self.urlmap[f"{prefix}/+"] = self.api(prefix, listed)

    def api(self, prefix, routes):
        mapper = NovaMapper()
        for method, path in sorted(routes, key=lambda route: (order(route[1]), route[0])):
            if path:
                mapper.add(method, prefix, path)
        return RoutesMiddleware(self.run, mapper)

    def version(self, prefix):
        """The document of one version: it looks at no path, and so at none that came with a header."""

        @webob.dec.wsgify
        def document(request):
            return self.note(request, f"GET {prefix}", {}, None)

        return document

    @webob.dec.wsgify
    def run(self, request):
        match = dict(request.environ["wsgiorg.routing_args"][1] or {})
        chosen = match.pop("controller", None)
        match.pop("action", None)
        match.pop("format", None)
        key = action_key(request) if chosen and chosen.startswith("POST") and chosen.endswith("/action") else None
        return self.note(request, chosen, match, key)

    @webob.dec.wsgify
    def versions(self, request):
        chosen = "GET /" if request.path_info in ("", "/") else None
        return self.note(request, chosen, {}, None)

    def note(self, request, chosen, params, key):
        environ = request.environ
        line = {
            "id": environ.get("HTTP_X_OPENSTACK_REQUEST_ID"),
            "chosen": chosen,
            "params": params,
            "key": key,
            "method": environ["REQUEST_METHOD"],
            "path": environ.get("SCRIPT_NAME", "") + environ["PATH_INFO"],
            "query": environ.get("QUERY_STRING", ""),
            "identity": {name: value for name, value in environ.items() if name.startswith("HTTP_")}
            if "HTTP_X_TELL_HEADERS" in environ
            else None,
        }
        os.write(self.log, json.dumps(line).encode() + b"\n")
        return webob.Response(status=200 if chosen else 404, content_type=None)

    def __call__(self, environ, start_response):
        try:
            return self.urlmap(environ, start_response)
        except UnicodeDecodeError:
            start_response("500 Internal Server Error", [("Content-Length", "0")])
            return [b""]


def load():
    """The application for the table and the log that the environment names."""
    with open(os.environ["DIFFERENTIAL_ROUTES"], encoding="utf-8") as file:
        routes = json.load(file)
    return Upstream(routes, os.environ["DIFFERENTIAL_LOG"])
