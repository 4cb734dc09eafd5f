"""kill -9 of the daemon at any moment of an action of three splits: after a restart it ends as planned.

Moments are found, not listed: the daemon dies at the first call to AWS, then at the second, and so on until an
action meets no kill; at calls that change something it also dies when AWS has done it and the answer is
lost.  Then by the clock, and right after lines of the log.
"""

import os
import re
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from gate import Gate  # noqa: E402
from kinescale import CLASSIC, World, check_partition, eventually, expected_threshold  # noqa: E402

STREAMS = [f"k{number:02}" for number in range(90)]
SHARDS = 3
# 85 % of three shards: each of them must be split to come to 60 % or less.
SCENE = "topic kinescale\n" + "".join(
    f"stream {name} shards={SHARDS}\ntraffic {name} load=constant:{int(0.85 * SHARDS * 1048576)} record=4096\n"
    for name in STREAMS)
CHANGES = ("SplitShard", "PutMetricAlarm", "SetAlarmState")


class Killed:
    """Kills the daemon at call number `number` (or lets it pass) and knows whether it came to that."""

    def __init__(self, daemon, number, moment, operations=None):
        self.daemon = daemon
        self.left = number
        self.moment = moment
        self.operations = operations
        self.lock = threading.Lock()
        self.at = None

    def __call__(self, call, moment):
        with self.lock:
            if self.at is not None:
                return True  # what the dead one had on its way
            if moment != self.moment or (self.operations and call.operation not in self.operations):
                return False
            self.left -= 1
            if self.left >= 0:
                return False
            self.daemon.kill()
            self.at = call.operation
            return True


class Kill(unittest.TestCase):
    def setUp(self):
        self.world = World([], SCENE, speed=60,
                           options=["--shard-limit", "10000", "--split-seconds", "5"],
                           defaults={**CLASSIC, "cooldown": "1m", "resharding": "split"}, settings={"workers": "2"})
        self.gate = Gate(self.world.aws.port)
        self.addCleanup(self.gate.close)
        self.addCleanup(self.world.close)
        self.unused = list(STREAMS)
        self.world.aws.wait_for_volume(STREAMS[0], 0.84 * SHARDS * 60 * 1048576)
        self.daemon = self.start()

    def start(self, like=None):
        """A daemon for the stream that was worked on and for the next one; only the latter has no alarms yet."""
        environment = {"AWS_ENDPOINT_URL": self.gate.url, "AWS_ENDPOINT_URL_SNS": self.world.aws.url}
        self.world.streams = [*self.world.streams[-1:], self.unused.pop(0)]
        daemon = self.world.daemon(like=like, environment=environment)
        eventually(lambda: daemon.metrics()['kinescale_reconciles_total{result="ok"}'] >= 1)
        return daemon

    def check_ended_as_planned(self, stream):
        aws, what = self.world.aws, f"{stream}\n{self.daemon.log}"

        def all_is_done():
            busy = self.world.rows("SELECT 1 FROM actions WHERE stream = ? AND state < 5 UNION ALL "
                                   "SELECT 1 FROM notifications WHERE stream = ? AND status < 2", stream, stream)
            done = self.world.rows("SELECT 1 FROM actions WHERE stream = ? AND kind = 0", stream)
            return done and not busy and aws.alarms(stream)[f"{stream}-IncomingBytes"]["StateValue"] == "OK"
        eventually(all_is_done, what=lambda: f"{stream}: {self.daemon.stream(stream)}\n{self.daemon.log}")

        split = [call.members["ShardToSplit"] for call in self.gate.calls
                 if call.operation == "SplitShard" and call.members["StreamName"] == stream]
        refused = [call.answer for call in self.gate.calls if call.operation == "SplitShard" and call.status != 200]
        self.assertEqual(sorted(split), [f"shardId-{number:012}" for number in range(SHARDS)], what)
        self.assertEqual(refused, [], what)
        shards = aws.shards(stream)
        check_partition(shards)
        self.assertEqual(len(shards), 2 * SHARDS, what)
        self.assertEqual(aws.stream(stream)["totals"]["splits"], SHARDS)
        for alarm in aws.alarms(stream).values():
            self.assertEqual(alarm["Threshold"], expected_threshold(alarm["MetricName"], 60, shards), what)
            self.assertNotEqual(alarm["StateValue"], "ALARM", what)

        steps = self.world.rows("SELECT shard, outcome FROM steps WHERE stream = ? AND outcome <> 3", stream)
        self.assertEqual(sorted(steps), [(f"shardId-{number:012}", 1) for number in range(SHARDS)], what)
        # A look at what came in meanwhile may have the lock just now, or have been ended with it.
        eventually(lambda: self.world.rows("SELECT lock_owner FROM streams WHERE stream = ?", stream) == [("",)],
                   what=lambda: self.daemon.log)
        rows = self.world.rows("SELECT from_shards, to_shards, failure FROM actions WHERE stream = ? "
                               "AND to_shards <> from_shards", stream)
        self.assertEqual(rows, [(SHARDS, 2 * SHARDS, "")], what)

    def round(self, arm):
        """One action; arm(daemon) prepares the kill and returns a function that says whether it has happened."""
        stream = self.world.streams[-1]
        self.world.aws.make_alarms(stream)
        killed = arm(self.daemon)
        self.world.aws.fire(stream)
        eventually(lambda: killed() or self.is_done(stream), what=lambda: self.daemon.log)
        self.gate.hook = None
        met = killed()
        if not met:
            self.daemon.kill()
        self.daemon = self.start(like=self.daemon)
        self.check_ended_as_planned(stream)
        return met

    def is_done(self, stream):
        return self.world.rows("SELECT 1 FROM actions WHERE stream = ? AND state = 5 AND kind = 0", stream)

    def deaths(self, moment, operations=None):
        """Kills at call 0, 1, 2... until an action meets no kill; returns the calls at which it died."""
        died_at = []
        while True:
            hooks = []

            def arm(daemon):
                hooks.append(Killed(daemon, len(died_at), moment, operations))
                self.gate.hook = hooks[0]
                return lambda: hooks[0].at is not None
            if not self.round(arm):
                return died_at
            died_at.append(hooks[0].at)

    def test_before_aws_hears_a_call(self):
        numbers = self.deaths("before")
        self.assertGreaterEqual(len(numbers), 15, numbers)
        # How often it looks while it waits differs from run to run, so the numbers of the calls do.
        self.assertLessEqual({"DescribeStreamSummary", "ListShards", "GetMetricData", "SplitShard"}, set(numbers))

    def test_after_aws_did_what_was_asked_and_nobody_heard(self):
        numbers = self.deaths("after", CHANGES)
        self.assertEqual(numbers, ["SplitShard"] * SHARDS + ["PutMetricAlarm"] * 2 + ["SetAlarmState"])

    def test_by_the_clock(self):
        for number in range(15):
            def arm(daemon, delay=number * 0.07):
                due = time.monotonic() + delay

                def killed():
                    if daemon.is_running() and time.monotonic() >= due:
                        daemon.kill()
                    return not daemon.is_running()
                return killed
            with self.subTest(delay_ms=number * 70):
                self.round(arm)

    def test_right_after_a_line_of_the_log(self):
        for pattern, count in ((r"\bnotification ", 1), (r"\baction-begun\b", 1), (r"\bstep-asked\b", 1),
                               (r"\bstep-asked\b", 2), (r"\bstep-asked\b", 3), (r"rule=20\b", 1), (r"rule=70\b", 3),
                               (r"rule=80\b", 1), (r"\bthreshold-moved\b", 1), (r"\bthreshold-moved\b", 2),
                               (r"\balarm-reset\b", 1), (r"\baction-ended\b", 1)):
            def arm(daemon):
                line = re.compile(pattern)

                def watch():
                    while daemon.is_running() and len(line.findall(daemon.log)) < count:
                        time.sleep(0.0005)
                    if daemon.is_running():
                        daemon.kill()
                watcher = threading.Thread(target=watch)
                watcher.start()
                self.addCleanup(watcher.join)
                return lambda: not watcher.is_alive()
            with self.subTest(line=pattern, count=count):
                self.round(arm)

    def test_a_daemon_that_dies_again_and_again_gets_there(self):
        stream = self.world.streams[-1]
        self.world.aws.make_alarms(stream)
        self.world.aws.fire(stream)
        for _ in range(40):
            time.sleep(0.1)
            self.daemon.kill()
            self.unused.insert(0, self.world.streams.pop())  # the same two streams again
            self.daemon = self.start(like=self.daemon)
            if self.is_done(stream):
                break
        self.check_ended_as_planned(stream)


if __name__ == "__main__":
    unittest.main()
