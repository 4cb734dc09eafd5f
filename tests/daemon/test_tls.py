"""The daemon's own TLS: SNS delivers over https, and nothing else comes through."""

import os
import shutil
import socket
import ssl
import subprocess
import sys
import unittest
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from kinescale import World, eventually, http_request, run  # noqa: E402

SCENE = """topic kinescale
stream orders shards=2
alarms orders topic=kinescale
traffic orders load=constant:1.7M record=4096
"""


def make_certificate(folder, name):
    key, certificate = (os.path.join(folder, f"{name}.{ending}") for ending in ("key", "crt"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key,
                    "-out", certificate], check=True, capture_output=True, timeout=60)
    return certificate, key


@unittest.skipIf(shutil.which("openssl") is None, "there is no openssl to make a certificate with")
class Tls(unittest.TestCase):
    def setUp(self):
        self.world = World(["orders"], SCENE, speed=60, options=["--any-certificate", "--split-seconds", "5"])
        self.addCleanup(self.world.close)
        self.certificate, self.key = make_certificate(self.world.folder, "own")
        self.trust = ssl.create_default_context(cafile=self.certificate)

    def daemon(self):
        return self.world.daemon(tls=self.trust, tls_certificate=self.certificate, tls_key=self.key)

    def test_the_main_job_over_https(self):
        daemon = self.daemon()
        self.assertTrue(daemon.sns_url.startswith("https:"))
        self.assertEqual(self.world.aws.confirmed(), [daemon.sns_url])
        action, = daemon.wait_for_actions("orders", 1)
        self.assertEqual((action["kind"], action["from_shards"], action["failure"]), ("scale-up", 2, ""))
        self.assertGreater(action["to_shards"], 2)
        self.world.aws.raise_alarm("orders-IncomingBytes")
        eventually(lambda: [n for n in daemon.stream("orders")["notifications"]
                            if not n["message_id"].startswith("reconcile:")], what=lambda: daemon.log)

    def test_what_speaks_no_tls_or_an_old_one_is_turned_away(self):
        daemon = self.daemon()
        self.assertEqual(daemon.post(b"{}").status, 403)
        with socket.create_connection(("127.0.0.1", daemon.port), timeout=20) as plain:
            plain.sendall(b"POST /sns HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
            try:
                self.assertNotIn(b"HTTP/1.1 200", plain.recv(4096))
            except ConnectionResetError:
                pass
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that is the point
            old.minimum_version = ssl.TLSVersion.TLSv1
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            http_request(daemon.port, "GET", "/", tls=old)
        stalled = [socket.create_connection(("127.0.0.1", daemon.port), timeout=20) for _ in range(50)]
        try:
            self.assertEqual(daemon.post(b"{}").status, 403)
        finally:
            for connection in stalled:
                connection.close()

    def test_files_that_are_no_pair_are_named(self):
        other = make_certificate(self.world.folder, "other")
        missing = os.path.join(self.world.folder, "missing")
        with open(self.key, encoding="ascii") as file:
            body = file.read().splitlines()[1]
        for settings, named in (({"tls_certificate": self.certificate, "tls_key": other[1]}, "other.key"),
                                ({"tls_certificate": self.key, "tls_key": self.key}, "own.key"),
                                ({"tls_certificate": self.certificate, "tls_key": self.certificate}, "own.crt"),
                                ({"tls_certificate": missing, "tls_key": self.key}, "missing"),
                                ({"tls_certificate": self.certificate}, "tls_key"),
                                ({"tls_key": self.key}, "tls_certificate")):
            with self.subTest(named=named, **settings):
                path = self.world.config(name="refused.conf", **settings)
                result = run("serve", "--config", path, environment=self.world.environment())
                self.assertEqual((result.returncode, result.stdout), (2, ""), result.stderr)
                self.assertIn(named, result.stderr)
                self.assertNotIn(body, result.stderr)
                checked = run("check", "--config", path)
                self.assertEqual((checked.returncode, checked.stdout), (2, ""), checked.stderr)
                self.assertIn(named, checked.stderr)
                self.assertNotIn(body, checked.stderr)
        path = self.world.config(name="taken.conf", tls_certificate=self.certificate, tls_key=self.key)
        self.assertEqual(run("check", "--config", path).returncode, 0)


if __name__ == "__main__":
    unittest.main()
