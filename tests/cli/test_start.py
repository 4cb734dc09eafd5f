"""kinescale serve that cannot start: exit code 1 where another try may succeed, 2 where somebody must mend something."""

import contextlib
import http.server
import os
import signal
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from kinescale import Process, free_port, run  # noqa: E402


@contextlib.contextmanager
def metadata(status):
    """An instance metadata service that answers everything so."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PUT(self):
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_PUT

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Start(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def configure(self, **settings):
        settings = {"database": "k.db", "listen": "127.0.0.1:0", "admin_listen": "127.0.0.1:0",
                    "topic_arn": "arn:aws:sns:eu-west-1:123456789012:kinescale", **settings}
        with open(os.path.join(self.folder, "streams.conf"), "w", encoding="utf-8") as file:
            file.write("[service]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items()) +
                       "[stream orders]\nmin_shards = 1\nmax_shards = 8\n")

    def refused(self, code, complaint, endpoint=None):
        environment = {} if endpoint is None else {"AWS_EC2_METADATA_DISABLED": "",
                                                   "AWS_EC2_METADATA_SERVICE_ENDPOINT": endpoint}
        ended = run("serve", folder=self.folder, environment=environment)
        self.assertIn(complaint, ended.stderr)
        self.assertEqual((ended.returncode, ended.stdout), (code, ""), ended.stderr)

    def test_instance_metadata_that_is_late_is_had_by_starting_again(self):
        self.configure()
        self.refused(1, "instance metadata: no answer", f"http://127.0.0.1:{free_port()}")
        with metadata(503) as endpoint:
            self.refused(1, "instance metadata: it answered 503", endpoint)

    def test_a_region_that_nobody_will_ever_say_must_be_configured(self):
        self.configure()
        self.refused(2, "instance metadata: AWS_EC2_METADATA_DISABLED is true")
        with metadata(404) as endpoint:
            self.refused(2, "instance metadata: it has no such page", endpoint)

    def test_an_address_that_does_not_resolve_may_do_so_later(self):
        self.configure(region="eu-west-1", listen="a..b:0")
        self.refused(1, "cannot listen on 'a..b:0': ")
        self.configure(region="eu-west-1", listen="127.0.0.1")
        self.refused(2, "127.0.0.1")

    def test_a_pipe_in_the_place_of_a_file_with_a_secret_is_refused_and_not_waited_for(self):
        os.mkfifo(os.path.join(self.folder, "pipe"), 0o600)
        self.configure(region="eu-west-1", admin_token_file="pipe")
        self.refused(2, "'pipe' is a pipe, not a file")
        self.configure(region="eu-west-1", tls_certificate="pipe", tls_key="pipe")
        self.refused(2, "'pipe' is a pipe, not a file")

    def test_a_configuration_may_come_through_a_pipe_but_not_a_second_time(self):
        self.configure(region="eu-west-1")
        with open(os.path.join(self.folder, "streams.conf"), encoding="utf-8") as file:
            text = file.read()
        os.mkfifo(os.path.join(self.folder, "pipe"))
        daemon = Process(self.folder, "daemon", ["serve", "--config", "pipe"],
                         {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"})
        self.addCleanup(daemon.abandon)
        with open(os.path.join(self.folder, "pipe"), "w", encoding="utf-8") as pipe:
            pipe.write(text)
        daemon.wait_for_log(r"info +serving ")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for_log(r"error +config-refused .*'pipe' is a pipe, not a file")
        daemon.stop()


if __name__ == "__main__":
    unittest.main()
