"""What lies between a daemon and AWS: every call passes here, is remembered, and can be where something ends.

    gate = Gate(aws.port)
    gate.hook = lambda call, moment: ...    # moment is "before" AWS hears it, or "after" it has answered

A hook that returns True cuts the connection: before, AWS never hears the call; after, nobody hears the answer.
"""

import http.client
import http.server
import json
import threading


class Call:
    def __init__(self, headers, body):
        self.operation = headers.get("X-Amz-Target", "").rpartition(".")[2]
        self.body = body
        self.status = 0
        self.answer = b""

    @property
    def members(self):
        return json.loads(self.body)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        gate = self.server.gate
        call = Call(self.headers, self.rfile.read(int(self.headers["Content-Length"])))
        hook = gate.hook
        if hook is not None and hook(call, "before"):
            self.close_connection = True
            return
        connection = http.client.HTTPConnection("127.0.0.1", gate.upstream_port, timeout=30)
        try:
            connection.request("POST", self.path, call.body, dict(self.headers))
            answer = connection.getresponse()
            call.status, call.answer = answer.status, answer.read()
            headers = answer.getheaders()
        except OSError:
            self.close_connection = True
            return
        finally:
            connection.close()
        gate.remember(call)
        if hook is not None and hook(call, "after"):
            self.close_connection = True
            return
        try:
            self.send_response_only(call.status)
            for name, value in headers:
                if name.lower() not in ("content-length", "connection"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(call.answer)))
            self.end_headers()
            self.wfile.write(call.answer)
        except OSError:
            self.close_connection = True  # the daemon is no more

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a daemon that was killed leaves its connections as they are


class Gate:
    def __init__(self, upstream_port):
        self.upstream_port = upstream_port
        self.hook = None
        self.calls = []
        self.lock = threading.Lock()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.gate = self
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def remember(self, call):
        with self.lock:
            self.calls.append(call)

    def answered(self, operation, status=200):
        with self.lock:
            return [call for call in self.calls if call.operation == operation and call.status == status]

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
