# SPDX-License-Identifier: LGPL-2.1-or-later
"""A server on loopback with the paths of AMD's, that answers as a test tells it."""
import contextlib
import http.server
import socket
import threading


class Answer:
    """Status, headers and body; @announce: a Content-Length that differs from the body's;
    @hang: nothing more is said after that many bytes until the server ends."""

    def __init__(self, body=b"", status=200, kind="application/octet-stream", announce=None, hang=None, **headers):
        self.body, self.status, self.kind, self.announce, self.hang = body, status, kind, announce, hang
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class KeyServer:
    """@answers: {path: Answer, or a list of them, the last of which stays}."""

    def __init__(self, tls=None):
        self.answers, self.asked, self.over = {}, [], threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.asked.append(self.path)
                outer.say(self, outer.take(self.path))

            def log_message(self, *args):  # pylint: disable=arguments-differ
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # the client went away
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def take(self, path):
        answer = self.answers.get(path, Answer(b"no such file\n", 404))
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        return answer

    def say(self, handler, answer):
        try:
            handler.send_response(answer.status)
            handler.send_header("Content-Type", answer.kind)
            handler.send_header("Content-Length", str(answer.announce or len(answer.body)))
            for name, value in answer.headers.items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(answer.body if answer.hang is None else answer.body[:answer.hang])
            handler.wfile.flush()
            if answer.hang is not None:
                self.over.wait()
            if answer.announce:
                handler.close_connection = True
        except OSError:
            handler.close_connection = True  # the client has had enough

    def close(self):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()


class Tunnel:
    """A proxy that takes CONNECT, as a company's, and leads every name to one port of loopback."""

    def __init__(self, port):
        self.asked = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_CONNECT(self):
                outer.asked.append(self.path)
                with socket.create_connection(("127.0.0.1", port)) as there:
                    self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    back = threading.Thread(target=outer.pump, args=(there, self.connection), daemon=True)
                    back.start()
                    outer.pump(self.connection, there)
                    back.join()
                self.close_connection = True

            def log_message(self, *args):  # pylint: disable=arguments-differ
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @staticmethod
    def pump(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
