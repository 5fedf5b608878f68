"""Serves the upstream with a WSGI server of the standard library or eventlet on a listener it was handed."""

import socket
import socketserver
import sys
import wsgiref.simple_server

from upstream import load


class Wsgiref(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    """On a socket that is listening already."""

    daemon_threads = True

    def __init__(self, listener):
        super().__init__(listener.getsockname(), Quiet, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_name, self.server_port = listener.getsockname()
        self.setup_environ()
        self.set_app(load())


class Quiet(wsgiref.simple_server.WSGIRequestHandler):
    """Without a line for each request."""

    def log_message(self, *_):
        pass


def main(kind, fd):
    listener = socket.socket(fileno=fd)
    if kind == "wsgiref":
        Wsgiref(listener).serve_forever()
    import eventlet.wsgi
    from eventlet.greenio import GreenSocket

    eventlet.wsgi.server(GreenSocket(listener), load(), log_output=False)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
