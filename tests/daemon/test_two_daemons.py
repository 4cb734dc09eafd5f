"""Two daemons on one database, both subscribed to the topic: one action, never two; one can go on for the other."""

import os
import re
import sqlite3
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from gate import Gate  # noqa: E402
from kinescale import CLASSIC, World, check_partition, eventually, expected_threshold  # noqa: E402

STREAMS = [f"s{number}" for number in range(12)]
SHARDS = 3
SCENE = "topic kinescale\n" + "".join(
    f"stream {name} shards={SHARDS}\ntraffic {name} load=constant:{int(0.85 * SHARDS * 1048576)} record=4096\n"
    for name in STREAMS)


class TwoDaemons(unittest.TestCase):
    def setUp(self):
        # Slower than elsewhere: the lease of a lock is two minutes of the simulated time.
        self.world = World(STREAMS, SCENE, speed=30, options=["--split-seconds", "5"],
                           defaults={**CLASSIC, "resharding": "split", "cooldown": "1m"})
        self.aws = self.world.aws
        self.gate = Gate(self.aws.port)
        self.addCleanup(self.gate.close)
        self.addCleanup(self.world.close)
        self.aws.wait_for_volume(STREAMS[-1], 0.84 * SHARDS * 60 * 1048576)
        self.daemons = [self.start(), self.start()]
        self.unused = list(STREAMS)

    def start(self, like=None):
        environment = {"AWS_ENDPOINT_URL": self.gate.url, "AWS_ENDPOINT_URL_SNS": self.aws.url}
        daemon = self.world.daemon(like=like, environment=environment)
        eventually(lambda: daemon.metrics()['kinescale_reconciles_total{result="ok"}'] >= 1)
        return daemon

    def began(self, stream, daemons=None):
        pattern = re.compile(rf"action-begun stream={stream} ")
        return [daemon for daemon in daemons or self.daemons for _ in pattern.findall(daemon.log)]

    def logs(self):
        return "\n".join(daemon.log for daemon in self.daemons)

    def wait_until_done(self, stream):
        def done():
            busy = self.world.rows("SELECT 1 FROM actions WHERE stream = ? AND state < 5 UNION ALL "
                                   "SELECT 1 FROM notifications WHERE stream = ? AND status < 2", stream, stream)
            return not busy and self.world.rows("SELECT 1 FROM actions WHERE stream = ?", stream)
        eventually(done, what=self.logs)

    def check_one_action(self, stream, slept=False):
        """What there is afterwards, and that nobody asked for anything twice.

        Who slept between intent and call asks when it wakes, and AWS refuses: the shard is split already.
        """
        self.wait_until_done(stream)
        asked = [call for call in self.gate.calls
                 if call.operation == "SplitShard" and call.members["StreamName"] == stream]
        self.assertEqual(sorted(call.members["ShardToSplit"] for call in asked if call.status == 200),
                         [f"shardId-{number:012}" for number in range(SHARDS)], self.logs())
        self.assertLessEqual(len(asked), SHARDS + slept, self.logs())
        rows = self.world.rows("SELECT kind, from_shards, to_shards, failure FROM actions WHERE stream = ? "
                               "AND kind = 0 AND from_shards <> to_shards", stream)
        self.assertEqual(rows, [(0, SHARDS, 2 * SHARDS, "")], self.logs())
        shards = self.aws.shards(stream)
        check_partition(shards)
        self.assertEqual(len(shards), 2 * SHARDS)
        for alarm in self.aws.alarms(stream).values():
            self.assertEqual(alarm["Threshold"], expected_threshold(alarm["MetricName"], 60, shards))
            self.assertNotEqual(alarm["StateValue"], "ALARM")

    def test_one_action_for_each_of_many_alarms(self):
        streams = STREAMS[:6]
        for stream in streams:
            self.aws.make_alarms(stream)
        for stream in streams:
            self.aws.fire(stream, "IncomingRecords")
            self.aws.fire(stream, "IncomingBytes")
        for stream in streams:
            self.check_one_action(stream)
            self.assertEqual(len(self.began(stream)), 1, self.logs())
        # SNS brought each message to both; one of them stored it.
        rows, = self.world.rows("SELECT count(*), count(DISTINCT message_id) FROM notifications")
        self.assertEqual(rows[0], rows[1])
        taken = [daemon.metrics()['kinescale_sns_messages_total{result="accepted"}'] for daemon in self.daemons]
        self.assertGreaterEqual(sum(taken), len(streams))
        repeated = [daemon.metrics()['kinescale_sns_messages_total{result="repeated"}'] for daemon in self.daemons]
        self.assertGreaterEqual(sum(repeated), len(streams))

    def at_a_line(self, pattern, count, deed):
        """Fires the next stream's alarm; deed(worker, stream) when its worker has said so; returns the stream."""
        stream = self.unused.pop(0)
        self.aws.make_alarms(stream)
        self.aws.fire(stream)
        worker, = eventually(lambda: self.began(stream), what=self.logs)
        line = re.compile(pattern.format(stream=stream))
        end = time.monotonic() + 30
        while len(line.findall(worker.log)) < count and time.monotonic() < end:
            time.sleep(0.001)
        deed(worker, stream)
        return stream

    def put_to_sleep(self, worker, _):
        """Not inside a transaction: who sleeps there keeps the database from everybody, and nothing can be done."""
        connection = sqlite3.connect(self.world.database(), timeout=0.2, isolation_level=None)
        try:
            while True:
                worker.pause()
                try:
                    connection.execute("BEGIN IMMEDIATE")
                    connection.execute("ROLLBACK")
                    return
                except sqlite3.OperationalError:
                    worker.resume()
                    time.sleep(0.002)
        finally:
            connection.close()

    LINES = (("step-asked stream={stream} ", 1), ("step-asked stream={stream} ", 2),
             ("rule stream={stream} .*rule=70 ", 2), ("threshold-moved stream={stream} ", 1))

    def test_one_dies_in_the_middle_and_the_other_finishes(self):
        for pattern, count in self.LINES:
            with self.subTest(line=pattern, count=count):
                stream = self.at_a_line(pattern, count, lambda worker, stream: worker.kill())
                worker, = self.began(stream)
                other, = [daemon for daemon in self.daemons if daemon is not worker]
                self.check_one_action(stream)
                self.assertRegex(other.log, rf"action-ended stream={stream} ")
                self.assertRegex(other.log, rf"lock-opened stream={stream} ")
                self.daemons[self.daemons.index(worker)] = self.start(like=worker)

    def test_one_sleeps_longer_than_its_lease_and_wakes_up_to_a_finished_action(self):
        for pattern, count in self.LINES:
            with self.subTest(line=pattern, count=count):
                stream = self.at_a_line(pattern, count, self.put_to_sleep)
                worker, = self.began(stream)
                try:
                    eventually(lambda: self.world.rows(
                        "SELECT 1 FROM actions WHERE stream = ? AND state = 5", stream), what=self.logs)
                finally:
                    worker.resume()
                worker.wait_ready()
                self.check_one_action(stream, slept=True)

    def test_one_sleeps_and_wakes_up_while_the_other_is_at_it(self):
        for pattern, count in self.LINES[:3]:
            with self.subTest(line=pattern, count=count):
                stream = self.at_a_line(pattern, count, self.put_to_sleep)
                worker, = self.began(stream)
                other, = [daemon for daemon in self.daemons if daemon is not worker]
                try:
                    eventually(lambda: re.search(rf"rule stream={stream} ", other.log), what=self.logs)
                finally:
                    worker.resume()
                self.check_one_action(stream, slept=True)


if __name__ == "__main__":
    unittest.main()
