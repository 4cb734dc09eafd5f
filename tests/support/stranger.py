"""What lies outside and hands out keys, or repeats what it was told: for tests that nothing of it is repeated by us.

    stranger = Stranger(aws.port, keys)
    stranger.manner = "repeats"     # AWS's refusals now show what was asked, headers and all
    stranger.document = "..."       # what container endpoint and instance metadata give instead of keys

It is a container endpoint (/container), instance metadata (/latest/...), an STS that gives `keys`, and for everything
else a way to the simulated AWS, as long as `manner` is "forwards".
"""

import http.client
import http.server
import json
import threading
import urllib.parse
import xml.sax.saxutils


class Keys:
    """An access key id, which is no secret, and what belongs to it, which is."""

    def __init__(self, name, secret, token):
        self.name, self.secret, self.token = name, secret, token

    def document(self, **others):
        return json.dumps({"AccessKeyId": self.name, "SecretAccessKey": self.secret, "Token": self.token,
                           "Expiration": "2036-01-01T00:00:00Z", **others})


def canonical(text):
    """As AWS explains a signature that does not match."""
    return ("The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
            f"Key and signing method. Consult the service documentation for details.\n\nThe Canonical String for this "
            f"request should have been\n'POST\n/\n\n{text}'\n")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body, content_type="application/json", length=None):
        self.send_response_only(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.close_connection or length is not None

    def hear(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        heard = f"{self.headers}{urllib.parse.unquote_plus(body)}"
        self.server.stranger.remember(heard)
        return body, heard

    def do_PUT(self):
        self.hear()
        self.answer(200, self.server.stranger.metadata_token.encode(), "text/plain")

    def do_GET(self):
        stranger = self.server.stranger
        self.hear()
        if self.path.endswith("/security-credentials/"):
            self.answer(200, b"role", "text/plain")
        else:
            self.answer(200, (stranger.document or stranger.keys.document()).encode())

    def do_POST(self):
        stranger = self.server.stranger
        body, heard = self.hear()
        query = not self.headers.get("X-Amz-Target")
        if stranger.manner == "forwards" and "AssumeRole" in body:
            self.give_role(body)
        elif stranger.manner == "forwards":
            self.forward(body)
        elif stranger.manner == "cuts":
            self.answer(400, json.dumps({"__type": "ValidationException", "message": heard}).encode()[:-30], length=9999)
        elif stranger.manner == "speaks otherwise":
            self.answer(418, f"<html><body>no: <pre>{heard}</pre></body></html>".encode(), "text/html")
        else:
            short = f"{self.headers.get('X-Amz-Security-Token')} {urllib.parse.unquote(body)[-200:]}"
            message = canonical(heard) if stranger.manner == "explains" else f"we did not like '{short}'"
            code = "SignatureDoesNotMatch" if stranger.manner == "explains" else "ValidationException"
            if query:
                text = (f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>"
                        f"<Message>{xml.sax.saxutils.escape(message)}</Message></Error></ErrorResponse>")
                self.answer(403, text.encode(), "text/xml")
            else:
                self.answer(403, json.dumps({"__type": code, "message": message}).encode())

    def give_role(self, body):
        keys = self.server.stranger.keys
        action = "AssumeRoleWithWebIdentity" if "WithWebIdentity" in body else "AssumeRole"
        self.answer(200, f"""<{action}Response><{action}Result><Credentials><AccessKeyId>{keys.name}</AccessKeyId>
            <SecretAccessKey>{keys.secret}</SecretAccessKey><SessionToken>{keys.token}</SessionToken>
            <Expiration>2036-01-01T00:00:00Z</Expiration></Credentials></{action}Result></{action}Response>""".encode(),
                    "text/xml")

    def forward(self, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.stranger.upstream_port, timeout=30)
        try:
            connection.request("POST", self.path, body.encode(), dict(self.headers))
            answer = connection.getresponse()
            self.answer(answer.status, answer.read(), answer.getheader("Content-Type"))
        finally:
            connection.close()

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # who was killed, or had enough, leaves its connections as they are


class Stranger:
    def __init__(self, upstream_port, keys, metadata_token):
        self.upstream_port = upstream_port
        self.keys, self.metadata_token = keys, metadata_token
        self.manner = "forwards"
        self.document = None
        self.heard = []
        self.lock = threading.Lock()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.stranger = self
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def remember(self, text):
        with self.lock:
            self.heard.append(text)

    def has_heard(self, text):
        with self.lock:
            return any(text in heard for heard in self.heard)

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
