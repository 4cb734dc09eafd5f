"""kinescale sim-aws: what it prints, what it refuses, how it ends."""

import os
import re
import signal
import socket
import subprocess
import tempfile
import unittest
import urllib.request

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PROGRAM = os.path.abspath(os.environ.get("KINESCALE", os.path.join(ROOT, "build/release/kinescale")))


def start(*options):
    return subprocess.Popen([PROGRAM, "sim-aws", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def read_announcement(process):
    lines = []
    while not lines or "serve --clock" not in lines[-1]:
        line = process.stdout.readline()
        if line == "":
            raise AssertionError(process.stderr.read())
        lines.append(line)
    return "".join(lines)


class SimAws(unittest.TestCase):
    def end(self, process, number):
        process.send_signal(number)
        out, errors = process.communicate(timeout=20)
        self.assertEqual((process.returncode, out, errors), (0, "", ""))

    def test_it_says_how_to_reach_it_and_ends_when_told(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            process = start("--listen", "127.0.0.1:0", "--clock", "1763683200000@2.5", "--account", "123456789012",
                            "--region", "eu-west-1")
            said = read_announcement(process)
            self.assertRegex(said, r"""^# simulated AWS, account 123456789012
export AWS_ENDPOINT_URL=http://127\.0\.0\.1:\d+
export AWS_REGION=eu-west-1
export AWS_DEFAULT_REGION=eu-west-1
export AWS_ACCESS_KEY_ID='AKIAKINESCALESIM0001'
export AWS_SECRET_ACCESS_KEY='kinescale/simulated/secret/key/0000000001'
# kinescale serve --clock 1763683200000@2\.5
$""")
            self.end(process, number)

    def test_what_it_says_is_for_a_shell(self):
        process = start("--listen", "127.0.0.1:0")
        said = read_announcement(process)
        shell = subprocess.run(["/bin/sh", "-euc", said + 'echo "$AWS_ENDPOINT_URL $AWS_REGION"'],
                               capture_output=True, text=True, timeout=10)
        self.assertRegex(shell.stdout, r"^http://127\.0\.0\.1:\d+ us-east-1\n$")
        self.end(process, signal.SIGTERM)

    def test_it_says_ipv6_addresses_as_urls_have_them(self):
        try:
            with socket.socket(socket.AF_INET6) as probe:
                probe.bind(("::1", 0))
        except OSError:
            self.skipTest("no IPv6 here")
        process = start("--listen", "[::1]:0")
        url = re.search("URL=(.*)", read_announcement(process)).group(1)
        self.assertRegex(url, r"^http://\[::1\]:\d+$")
        with urllib.request.urlopen(url + "/sim/state", timeout=10) as answer:
            self.assertEqual(answer.status, 200)
        self.end(process, signal.SIGTERM)

    def test_wrong_options_are_named(self):
        for options, complaint in (
                (["--speed", "0"], "--speed must be 1 to 100000, not '0'"),
                (["--speed", "fast"], "--speed must be 1 to 100000, not 'fast'"),
                (["--speed", "2", "--clock", "1@2"], "--clock says the speed already: leave --speed out"),
                (["--clock", "now"], "now"),
                (["--account", "12"], "--account must be 12 digits, not '12'"),
                (["--region", "eu west"], "--region must be the name of a region, not 'eu west'"),
                (["--public-url", "127.0.0.1:80"], "--public-url must be http(s)://HOST:PORT, not '127.0.0.1:80'"),
                (["--public-url", "http://a/b"], "--public-url must be http(s)://HOST:PORT, not 'http://a/b'"),
                (["--shard-limit", "0"], "--shard-limit must be 1 to 1000000, not '0'"),
                (["--update-seconds", "soon"], "--update-seconds must be serial or 1 to 86400, not 'soon'"),
                (["--split-seconds", "-1"], "--split-seconds must be 1 to 86400, not '-1'"),
                (["--metric-delay", "1m"], "--metric-delay must be 0 to 86400, not '1m'"),
                (["--listen", "0.0.0.0:0"], "the simulated AWS listens on a loopback address only, not '0.0.0.0'"),
                (["--listen", "127.0.0.1"], "127.0.0.1"),
                (["--scene", "/nowhere"], "/nowhere"),
                (["extra"], "sim-aws takes no argument 'extra'"),
                (["--sped", "2"], "did you mean '--speed'?")):
            with self.subTest(options=options):
                result = subprocess.run([PROGRAM, "sim-aws", *options], capture_output=True, text=True, timeout=20)
                self.assertEqual((result.returncode, result.stdout), (2, ""))
                self.assertTrue(result.stderr.startswith("error: "), result.stderr)
                self.assertIn(complaint, result.stderr)

    def test_a_wrong_scene_is_refused_with_its_line(self):
        with tempfile.NamedTemporaryFile("w", suffix=".scene") as scene:
            scene.write("stream orders\nstream orders\n")
            scene.flush()
            result = subprocess.run([PROGRAM, "sim-aws", "--listen", "127.0.0.1:0", "--scene", scene.name],
                                    capture_output=True, text=True, timeout=20)
        self.assertEqual((result.returncode, result.stderr), (
            2, f"error: {scene.name}:2: ResourceInUseException: Stream orders under account 000000000000 already "
               "exists.\n"))

    def test_the_options_reach_the_model(self):
        with tempfile.NamedTemporaryFile("w", suffix=".scene") as scene:
            scene.write("stream orders shards=3\n")
            scene.flush()
            process = start("--listen", "127.0.0.1:0", "--scene", scene.name, "--shard-limit", "7",
                            "--no-signatures", "--no-quotas", "--lenient")
            url = re.search("URL=(.*)", read_announcement(process)).group(1)
        request = urllib.request.Request(url, data=b'{"Unknown":1}', headers={
            "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "Kinesis_20131202.DescribeLimits",
            "X-Amz-Date": "20260101T000000Z",
            "Authorization": "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=0"})
        for _ in range(5):  # quotas would allow one a second
            with urllib.request.urlopen(request, timeout=10) as answer:
                self.assertIn(b'"ShardLimit":7,"OpenShardCount":3,', answer.read())
        self.end(process, signal.SIGTERM)

    def test_help_lists_the_options(self):
        result = subprocess.run([PROGRAM, "sim-aws", "--help"], capture_output=True, text=True, timeout=20)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for option in ("--listen", "--scene", "--clock", "--seed", "--no-quotas", "--any-certificate"):
            self.assertIn(option, result.stdout)


if __name__ == "__main__":
    unittest.main()
