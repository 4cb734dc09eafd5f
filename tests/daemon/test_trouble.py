"""Trouble of our own and of AWS's: SNS is told to come again, /readyz says why, and it heals by itself."""

import os
import resource
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from gate import Gate  # noqa: E402
from kinescale import World, eventually, run  # noqa: E402

SCENE = """topic kinescale
stream orders shards=2
traffic orders load=constant:1.7M record=4096
"""
LOAD = 1.7 * 1048576 * 60


class Reader:
    """Reads the log of a process from a pipe into the file it would have been, until it is told to stall."""

    def __init__(self, path):
        self.path = path
        self.end, self.write_end = os.pipe()
        self.reading = threading.Event()
        self.stalled = threading.Event()
        self.reading.set()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            self.stalled.set()
            self.reading.wait()
            self.stalled.clear()
            piece = os.read(self.end, 65536)
            if piece == b"":
                return
            with open(self.path, "ab") as file:
                file.write(piece)

    def stall(self):
        """After at most one more piece."""
        self.reading.clear()

    def go_on(self):
        self.reading.set()


class Trouble(unittest.TestCase):
    def make_world(self, **options):
        world = World(["orders"], SCENE, **{"speed": 60, "defaults": {"cooldown": "1m"},
                                           "options": ["--split-seconds", "5"], **options})
        self.addCleanup(world.close)
        return world

    def fire(self, world):
        world.aws.wait_for_volume("orders", LOAD * 0.98)
        world.aws.make_alarms("orders")
        world.aws.fire("orders")

    def check_scaled(self, world, daemon):
        """The alarm that came in the middle of the trouble was not lost."""
        eventually(lambda: len(world.aws.shards("orders")) == 4, what=lambda: daemon.log)
        eventually(lambda: world.aws.alarms("orders")["orders-IncomingBytes"]["StateValue"] == "OK",
                   what=lambda: daemon.log)
        eventually(lambda: not world.rows("SELECT 1 FROM actions WHERE state < 5"), what=lambda: daemon.log)

    def check_not_ready(self, daemon, check, pattern):
        def refused():
            status, checks = daemon.ready()
            return checks if status == 503 and checks[check] != "ok" else None
        checks = eventually(refused, what=lambda: daemon.log)
        self.assertRegex(checks[check], pattern)
        self.assertEqual(daemon.admin("/healthz").status, 200)
        return checks

    # ---- the log

    def test_a_log_that_nobody_reads_holds_nothing_up(self):
        world = self.make_world()
        reader = Reader(os.path.join(world.folder, "daemon-1.log"))
        daemon = world.daemon(preexec_fn=lambda: os.dup2(reader.write_end, 2))
        os.close(reader.write_end)
        reader.stall()
        for number in range(1500):
            self.assertEqual(daemon.post(b"", path=f"/stranger-{number:0100}").status, 404)
        self.assertGreater(daemon.metrics()["kinescale_log_lines_lost_total"], 0)
        self.fire(world)
        self.check_scaled(world, daemon)
        reader.go_on()
        # With the next line that there is.
        eventually(lambda: daemon.post(b"", path="/stranger") and daemon.log_lines("log-lines-lost"))
        told = sum(int(line.split("count=")[1].split()[0]) for line in daemon.log_lines("log-lines-lost"))
        self.assertEqual(told, daemon.metrics()["kinescale_log_lines_lost_total"])
        reader.stall()
        for number in range(1500):
            daemon.post(b"", path=f"/stranger-{number:0100}")
        began = time.monotonic()
        daemon.process.terminate()
        self.assertEqual(daemon.wait(), 0)
        self.assertLess(time.monotonic() - began, 8)
        reader.go_on()

    # ---- the database

    def test_a_locked_database(self):
        world = self.make_world()
        daemon = world.daemon()
        connection = sqlite3.connect(world.database(), isolation_level=None, timeout=20)
        self.addCleanup(connection.close)
        connection.execute("BEGIN EXCLUSIVE")
        self.check_not_ready(daemon, "store", r"database is locked$")
        self.fire(world)
        # SNS hears 503, and keeps the message.
        daemon.wait_for_log(r"intake-failed kind=store error=.*database is locked")
        eventually(lambda: "status=503" in world.aws.log)
        self.assertEqual(daemon.metrics()['kinescale_sns_messages_total{result="accepted"}'], 0)
        connection.execute("ROLLBACK")
        daemon.wait_ready()
        self.check_scaled(world, daemon)
        self.assertGreaterEqual(daemon.metrics()['kinescale_sns_messages_total{result="failed"}'], 1)

    def small_disk(self):
        """(folder, fill, free): a file system of one mebibyte where we may mount one, else a limit of file size."""
        folder = tempfile.mkdtemp(prefix="kinescale-disk-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        mounted = os.geteuid() == 0 and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", folder], capture_output=True,
            check=False).returncode == 0
        if not mounted:
            return folder, None, None
        self.addCleanup(subprocess.run, ["umount", "-l", folder], check=True)
        filler = os.path.join(folder, "filler")

        def fill(_):
            with open(filler, "wb", buffering=0) as file:
                for size in (65536, 4096, 512):
                    try:
                        while True:
                            file.write(b"x" * size)
                    except OSError:
                        pass
        return folder, fill, lambda _: os.unlink(filler)

    def limit_fill(self, daemon):
        """Less than one page with its header in the database's log."""
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))

    def limit_free(self, daemon):
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def full_disk(self, fill, free, folder):
        world = self.make_world(settings={"database": os.path.join(folder, "kinescale.db")})
        world.database = lambda name="kinescale.db": os.path.join(folder, name)
        daemon = world.daemon()
        fill(daemon)
        checks = self.check_not_ready(daemon, "store", r"full|disk|I/O")
        self.assertEqual(checks["workers"], "ok")
        self.fire(world)
        eventually(lambda: "status=503" in world.aws.log, what=lambda: world.aws.log)
        self.assertEqual(daemon.metrics()['kinescale_sns_messages_total{result="accepted"}'], 0)
        free(daemon)
        daemon.wait_ready()
        self.check_scaled(world, daemon)

    def test_a_full_disk(self):
        folder, fill, free = self.small_disk()
        if fill is None:
            self.skipTest("no right to mount a small file system")
        self.full_disk(fill, free, folder)

    def test_a_limit_of_file_size(self):
        folder = tempfile.mkdtemp(prefix="kinescale-disk-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.full_disk(self.limit_fill, self.limit_free, folder)

    def damage(self, world, daemon):
        daemon.stop()
        with open(world.database(), "r+b") as file:
            size = os.path.getsize(world.database())
            for page in range(1, size // 4096):
                file.seek(page * 4096)
                file.write(b"\xa5" * 200)

    def refused_start(self, world, pattern, code=2, **settings):
        path = world.config(name="refused.conf", **settings)
        result = run("serve", "--config", path, environment=world.environment())
        self.assertEqual((result.returncode, result.stdout), (code, ""), result.stderr)
        self.assertRegex(result.stderr, pattern)
        self.assertRegex(result.stderr, r"\A(error: [^\n]+\n)+\Z")
        return result.stderr

    def test_a_damaged_database_is_refused_and_left_as_it_is(self):
        world = self.make_world()
        self.damage(world, world.daemon())
        with open(world.database(), "rb") as file:
            before = file.read()
        self.refused_start(world, r"^error: database '\S+kinescale.db'.* damaged.*; restore a copy of it, or move it "
                                  r"away with its -wal and -shm files and begin with a new one$")
        with open(world.database(), "rb") as file:
            self.assertEqual(file.read(), before)

    def test_files_that_are_no_database_of_ours(self):
        world = self.make_world()
        text = world.write("text.db", "this is not a database, whatever its name says\n" * 100)
        self.refused_start(world, "not a database", database=text)
        foreign = os.path.join(world.folder, "foreign.db")
        with sqlite3.connect(foreign) as connection:
            connection.execute("CREATE TABLE theirs (x)")
        connection.close()
        self.refused_start(world, "'\\S+foreign.db' is the database of another program", database=foreign)
        newer = os.path.join(world.folder, "newer.db")
        daemon = world.daemon(database=newer, subscribe=False)
        daemon.stop()
        with sqlite3.connect(newer) as connection:
            connection.execute("PRAGMA user_version = 9999")
        connection.close()
        self.refused_start(world, "has schema 9999, this program knows only .*: run the newer program", database=newer)
        self.refused_start(world, "No such file or directory", database=os.path.join(world.folder, "no/such/x.db"))
        self.refused_start(world, "'/'", database="/")

    # ---- configuration

    def test_a_configuration_with_faults_names_them_all(self):
        world = self.make_world()
        path = world.config(name="faults.conf", worker="3", reconcile_every="often")
        with open(path, "a", encoding="utf-8") as file:
            file.write("max_shards = 2\nmin_shards = 4\n")
        result = run("serve", "--config", path, environment=world.environment())
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        for fault in ("worker", "reconcile_every", "min_shards must be at most max_shards"):
            self.assertRegex(result.stderr, rf"(?m)^error: \S+faults.conf:\d+: .*{fault}")
        self.assertEqual(len(result.stderr.splitlines()), 3)
        result = run("serve", "--config", os.path.join(world.folder, "missing.conf"))
        self.assertEqual(result.returncode, 2)
        self.assertRegex(result.stderr, r"^error: .*missing.conf.*No such file or directory\n$")

    def test_ports_that_are_taken(self):
        world = self.make_world()
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            self.refused_start(world, f"'{address}': address already in use", code=1, listen=address)
            self.refused_start(world, f"'{address}': address already in use", code=1, admin_listen=address)

    # ---- AWS

    def test_wrong_credentials_are_said_and_nobody_is_told_what_they_were(self):
        world = self.make_world()
        secret = "wrong/secret/that/nobody/must/ever/read/0"
        daemon = world.daemon(environment={"AWS_SECRET_ACCESS_KEY": secret}, ready=False, subscribe=False)
        checks = self.check_not_ready(daemon, "credentials", "signature|Signature")
        self.assertEqual((checks["store"], checks["workers"]), ("ok", "ok"))
        daemon.stop()
        self.assertNotIn(secret, daemon.log)
        unknown = world.daemon(like=daemon, environment={"AWS_ACCESS_KEY_ID": "AKIAUNKNOWN000000001"}, ready=False)
        self.check_not_ready(unknown, "credentials", "security token|InvalidClientTokenId|UnrecognizedClient")

    def test_no_credentials_at_all(self):
        world = self.make_world()
        world.environment = lambda: {"AWS_ENDPOINT_URL": world.aws.url, "AWS_REGION": world.aws.region}
        daemon = world.daemon(ready=False, subscribe=False)
        self.check_not_ready(daemon, "credentials", "credentials")

    def test_keys_that_were_rotated_are_taken_up_without_a_restart(self):
        world = self.make_world(settings={"reconcile_every": "10s"})
        path = os.path.join(world.folder, "credentials")

        def write(access_key_id):
            os.rename(world.write("credentials.new", f"[default]\naws_access_key_id = {access_key_id}\n"
                                  f"aws_secret_access_key = {world.aws.keys[1]}\n"), path)
        write("AKIAROTATEDAWAY00001")
        world.environment = lambda: {"AWS_ENDPOINT_URL": world.aws.url, "AWS_REGION": world.aws.region,
                                     "AWS_SHARED_CREDENTIALS_FILE": path}
        daemon = world.daemon(ready=False, subscribe=False)
        self.check_not_ready(daemon, "credentials", "security token")
        write(world.aws.keys[0])
        daemon.wait_ready()

    def test_aws_out_of_reach_for_a_while(self):
        """Notified, then no answer for longer than a notification is tried: found again and acted on."""
        world = self.make_world()
        gate = Gate(world.aws.port)
        self.addCleanup(gate.close)
        daemon = world.daemon(environment={"AWS_ENDPOINT_URL": gate.url, "AWS_ENDPOINT_URL_SNS": world.aws.url})
        eventually(lambda: daemon.metrics()['kinescale_reconciles_total{result="ok"}'] >= 1)
        gate.hook = lambda call, moment: moment == "before"
        self.fire(world)
        daemon.wait_for_log(r"turn-failed stream=orders kind=transient")
        eventually(lambda: daemon.stream("orders")["state"] == "failing")
        self.assertNotEqual(daemon.stream("orders")["last_error"], "")
        status, checks = daemon.ready()
        self.assertEqual(status, 200)  # what SNS brings is still stored
        self.assertRegex(checks["aws"], r"^no answer since \S+: ")
        daemon.wait_for_log(r"dead-letter stream=orders")
        gate.hook = None
        self.check_scaled(world, daemon)
        eventually(lambda: daemon.stream("orders")["failures"] == 0)
        dead = [n for n in daemon.stream("orders")["notifications"] if n["status"] == "dead"]
        self.assertEqual([n["attempts"] for n in dead], [3])

    def test_aws_that_answers_late(self):
        world = self.make_world()
        daemon = world.daemon()
        self.fire(world)
        daemon.wait_for_log(r"step-asked stream=orders")
        world.aws.pause()
        daemon.wait_for_log(r"action-begun stream=orders")
        self.assertEqual(daemon.admin("/healthz").status, 200)
        time.sleep(2)
        world.aws.resume()
        self.check_scaled(world, daemon)
        self.assertEqual(world.aws.stream("orders")["totals"]["splits"], 2)

    def test_a_stop_while_aws_does_not_answer_is_soon_over(self):
        for operation in ("DescribeStreamSummary", "SplitShard"):
            with self.subTest(operation=operation):
                self.stop_while_waiting_for(operation)

    def stop_while_waiting_for(self, operation):
        world = self.make_world()
        gate = Gate(world.aws.port)
        self.addCleanup(gate.close)
        environment = {"AWS_ENDPOINT_URL": gate.url, "AWS_ENDPOINT_URL_SNS": world.aws.url}
        daemon = world.daemon(environment=environment)
        eventually(lambda: daemon.metrics()['kinescale_reconciles_total{result="ok"}'] >= 1)
        waiting, ended = threading.Event(), threading.Event()

        def hang(call, moment):
            if moment == "after" and call.operation == operation:
                waiting.set()
                ended.wait(60)
            return False
        gate.hook = hang
        try:
            self.fire(world)
            self.assertTrue(waiting.wait(60), daemon.log)
            began = time.monotonic()
            daemon.process.terminate()
            self.assertEqual(daemon.wait(60), 0)
            self.assertLess(time.monotonic() - began, 15)
            hurried, = daemon.log_lines("stop-hurried")
            self.assertIn('waits_for="turns of streams"', hurried)
        finally:
            ended.set()
            gate.hook = None
        self.check_scaled(world, world.daemon(like=daemon, environment=environment))
        self.assertEqual(world.aws.stream("orders")["totals"]["splits"], 2)


if __name__ == "__main__":
    unittest.main()
