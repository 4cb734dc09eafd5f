"""The scale-down pass as cron runs it: alone, beside a daemon, killed in the middle, and run again too soon."""

import json
import os
import re
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from gate import Gate  # noqa: E402
from kinescale import CLASSIC, FLAVOUR, Process, World, check_partition, eventually, expected_threshold, run  # noqa: E402

MERGE, SCALE_DOWN, DONE, ACCEPTED = 1, 1, 5, 1
READS = {"DescribeStreamSummary", "ListShards", "GetMetricData", "DescribeLimits"}
CHANGES = ("MergeShards", "PutMetricAlarm")


def offered(share, shards):
    return int(share * shards * 1048576)


def stream(name, shards, load, **how):
    """Lines of a scene; `load` is a share of what the shards take, or a load in words."""
    load = load if isinstance(load, str) else f"constant:{offered(load, shards)}"
    more = "".join(f" {key}={value}" for key, value in how.items())
    return (f"stream {name} shards={shards}{more}\nalarms {name} topic=kinescale threshold=80% period=60s\n"
            f"traffic {name} load={load} record=4096 keys=uniform\n")


class PassTest(unittest.TestCase):
    maxDiff = None

    def pass_arguments(self, *arguments):
        return ["scale-down", "--config", self.world.config(), "--clock", self.world.clock, *arguments]

    def run_pass(self, *arguments, code=0):
        """Standard output of one pass that nobody disturbs."""
        result = run(*self.pass_arguments(*arguments), environment=self.world.environment(), seconds=120)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result.stdout

    def run_json(self, *arguments, code=0):
        rows = json.loads(self.run_pass("--output", "json", *arguments, code=code))
        return {row["stream"]: row for row in rows}

    def wait_minutes(self, minutes):
        """Of the simulated time since the world began."""
        start = int(self.world.clock.partition("@")[0]) / 1000
        eventually(lambda: self.world.aws.now().timestamp() >= start + minutes * 60)

    def actions(self, name):
        return self.world.rows("SELECT kind, state, from_shards, to_shards, failure FROM actions WHERE stream = ?",
                               name)

    def check_merged(self, name, before, after, actions=1):
        """As planned: each merge once, a whole partition, exact thresholds, nothing left locked."""
        aws = self.world.aws
        seen, shards = aws.stream(name), aws.shards(name)
        check_partition(shards)
        self.assertEqual((name, len(shards), seen["totals"]["merges"]), (name, after, before - after))
        thresholds = {alarm["name"]: alarm["threshold"] for alarm in aws.state()["alarms"]}
        for metric in ("IncomingBytes", "IncomingRecords"):
            self.assertEqual(thresholds[f"{name}-{metric}"], expected_threshold(metric, 60, shards))
        self.assertEqual(thresholds[f"{name}-WriteProvisionedThroughputExceeded"], 0)
        merged = self.world.rows("SELECT shard FROM steps WHERE stream = ? AND kind = ? AND outcome = ?",
                                 name, MERGE, ACCEPTED)
        self.assertEqual(len(merged), len(set(merged)))
        self.assertEqual(self.actions(name), [(SCALE_DOWN, DONE, before, after, "")] * actions)
        self.assertEqual(self.world.rows("SELECT lock_owner FROM streams WHERE stream = ?", name), [("",)])


class Day(PassTest):
    """A day of traffic on twenty streams, played in seconds; one of them is not there."""

    QUIET = [f"quiet-{number:02}" for number in range(14)]

    def setUp(self):
        day = {"busy": f"steps:10h={offered(0.2, 16)},10m={offered(0.51, 16)},60h={offered(0.2, 16)}",
               "gaps": f"steps:10h={offered(0.2, 16)},150m=0,60h={offered(0.2, 16)}"}
        scene = "topic kinescale\n" + stream("even", 16, 0.2) + stream("auto", 16, 0.2)
        scene += stream("busy", 16, day["busy"]) + stream("minimum", 16, 0.2)
        scene += stream("gaps", 16, day["gaps"], consumer="no") + "".join(stream(n, 4, 0.2) for n in self.QUIET)
        streams = ["even", "auto", "busy", "gone", "minimum", "gaps", *self.QUIET]
        # The two minutes that an action has for its alarms are 22 ms then, and too few for a program that is watched.
        speed = 2700 if FLAVOUR == "tsan" else 5400
        self.world = World(streams, scene, speed=speed, options=["--shard-limit", "10000"],
                           defaults={**CLASSIC, "resharding": "split", "min_shards": "1", "max_shards": "64"},
                           per_stream={"auto": {"resharding": "auto"}, "minimum": {"min_shards": "16"}})
        self.addCleanup(self.world.close)
        self.wait_minutes(24 * 60 + 15)

    def check_decisions(self, rows, merged="merge"):
        def told(name):
            return rows[name]["result"], rows[name]["hold"], rows[name]["from_shards"], rows[name]["to_shards"]

        self.assertEqual(list(rows), self.world.streams)
        self.assertEqual(told("even"), (merged, "none", 16, 8), rows["even"])
        self.assertEqual(told("auto"), (merged, "none", 16, 7), rows["auto"])
        self.assertEqual(told("busy"), ("hold", "busy", 16, 16), rows["busy"])
        self.assertRegex(rows["busy"]["reason"], r"the 5m from \S+T\d\d:\d[05]:00Z filled 51 % of 16 shards")
        self.assertEqual(told("minimum"), ("hold", "minimum", 16, 16), rows["minimum"])
        self.assertEqual(told("gaps"), ("hold", "missing", 16, 16), rows["gaps"])
        self.assertRegex(rows["gaps"]["reason"], r"^(29|30) of 288 periods have no datapoint")
        self.assertEqual(rows["gone"]["result"], "failed", rows["gone"])
        for name in self.QUIET:
            self.assertEqual(told(name), (merged, "none", 4, 2), rows[name])

    def test_a_day_is_looked_at_and_what_it_did_not_need_is_given_back(self):
        dry = self.run_json("--dry-run", code=1)
        self.check_decisions(dry)
        table = self.run_pass("--dry-run", code=1)
        self.assertRegex(table, r"(?m)^even +merge +16 +8  the 5m from ")
        self.assertRegex(table, r"(?m)^gone +failed +- +-  ")
        self.assertEqual({row["operation"] for row in self.world.aws.requests()} - READS, set())
        self.assertFalse(os.path.exists(self.world.database()))

        told = self.run_json(code=1)
        self.check_decisions(told, "done")
        self.assertEqual({name: (row["result"], row["to_shards"]) for name, row in dry.items()},
                         {name: (row["result"].replace("done", "merge"), row["to_shards"]) for name, row in told.items()})
        for row in told.values():  # what became of it stands where something was done
            ids = self.world.rows("SELECT max(id) FROM actions WHERE stream = ?", row["stream"])
            self.assertEqual(row["result"] == "done", ids != [(None,)], row)
            self.assertEqual((row.get("action"), row.get("reached_shards"), row.get("failure")),
                             (ids[0][0], row["to_shards"], "") if row["result"] == "done" else (None, None, None), row)
        self.check_merged("even", 16, 8)
        for name in self.QUIET:
            self.check_merged(name, 4, 2)
        check_partition(self.world.aws.shards("auto"))
        self.assertEqual(self.actions("auto"), [(SCALE_DOWN, DONE, 16, 7, "")])
        shown = run("status", "--config", self.world.config(), "--clock", self.world.clock, self.QUIET[0]).stdout
        self.assertEqual(len(re.findall(r" accepted merge (shardId-\d+) with (?!\1)shardId-\d+\n", shown)), 2, shown)
        for name in ("busy", "minimum", "gaps"):
            self.assertEqual(self.actions(name), [])
            self.assertEqual(len(self.world.aws.shards(name)), 16)

        # A quieter day, but the last scale-down is too near.
        self.world.aws.traffic("even", f"constant:{offered(0.2, 8)}", record=4096)
        begun = self.world.aws.now().timestamp()
        eventually(lambda: self.world.aws.now().timestamp() >= begun + (24 * 60 + 15) * 60)
        row = self.run_json("even")["even"]
        self.assertEqual((row["result"], row["from_shards"], row["to_shards"]), ("hold", 8, 8))
        self.assertRegex(row["reason"], r"^the last scale-down was less than 36h ago; the next may be at \S+Z$")
        lines = self.run_pass("--force", "even")
        self.assertRegex(lines, r"(?m)^\S+Z  even  scale-down #\d+: the 5m from ")
        self.assertEqual(len(re.findall(r"(?m)^\S+Z  even  merge shardId-\d+ shardId-\d+: accepted$", lines)), 4)
        self.assertRegex(lines, r"(?m)^\S+Z  even  8 to 4 shards$")
        self.assertEqual(self.actions("even")[1:], [(SCALE_DOWN, DONE, 8, 4, "")])
        check_partition(self.world.aws.shards("even"))


class Killed:
    """Cuts off the pass at one call, before AWS hears it or after it has answered, and ends it there and then."""

    def __init__(self, operation, number, moment):
        self.operation, self.left, self.moment = operation, number, moment
        self.process = None
        self.lock = threading.Lock()
        self.met = False

    def __call__(self, call, moment):
        with self.lock:
            if self.met:
                return True
            if (call.operation, moment) != (self.operation, self.moment):
                return False
            self.left -= 1
            if self.left >= 0:
                return False
            self.met = True  # before the death, which is what the test waits for
            self.process.kill()
            return True


class Shared(PassTest):
    """Half an hour is the window here.  Twelve shards at 20 % become six, by six merges."""

    # Every call of a pass that changes something, lost on its way there or back.
    KILLS = [("MergeShards", number, moment) for number in range(6) for moment in ("before", "after")]
    KILLS += [("PutMetricAlarm", number, moment) for number in range(2) for moment in ("before", "after")]
    KILLS += [("DescribeStreamSummary", number, "before") for number in (0, 1, 3, 6)]
    KILLS += [("GetMetricData", number, "before") for number in (0, 1)]

    KILLED = [f"k{number:02}" for number in range(len(KILLS))]

    @classmethod
    def setUpClass(cls):
        """One world, in which half an hour has passed; each test has streams and a database of its own."""
        cls.streams = [*cls.KILLED, *(f"{test}{number}" for test in "bdgl" for number in range(5))]
        cls.world = World(cls.streams, "topic kinescale\n" + "".join(stream(name, 12, 0.2) for name in cls.streams),
                          speed=150, options=["--shard-limit", "10000", "--split-seconds", "20"],
                          defaults={**CLASSIC, "resharding": "split", "max_shards": "64", "scale_down_window": "30m",
                                    "cooldown": "6h"})
        cls.addClassCleanup(cls.world.close)
        cls.gate = Gate(cls.world.aws.port)
        cls.addClassCleanup(cls.gate.close)

    def setUp(self):
        self.world.database = lambda: os.path.join(self.world.folder, self.id() + ".db")
        self.wait_minutes(38)
        self.gate.hook = None

    def start_daemon(self, streams, **settings):
        self.world.streams = streams
        daemon = self.world.daemon(subscribe=False, **settings)
        self.addCleanup(daemon.stop)
        return daemon

    def use(self, letter, count):
        self.world.streams = [f"{letter}{number}" for number in range(count)]
        return self.world.streams

    def start_pass(self, name, *arguments):
        environment = {**self.world.environment(), "AWS_ENDPOINT_URL": self.gate.url}
        return self.world.started(Process(self.world.folder, f"pass-{name}", self.pass_arguments(*arguments),
                                          environment))

    def kill_pass(self, name, operation, number, moment):
        killed = Killed(operation, number, moment)
        ready = threading.Event()

        def hook(call, when):
            ready.wait()
            return killed(call, when)
        self.gate.hook = hook
        killed.process = self.start_pass(name, name)
        ready.set()
        killed.process.wait()
        self.assertTrue(killed.met, f"{operation} {number} {moment}: {killed.process.out}{killed.process.log}")

    def daemon_ends(self, names):
        daemon = self.start_daemon(names)
        for name in names:
            eventually(lambda: any(row[1] == DONE for row in self.actions(name)),
                       what=lambda: f"{name}: {self.actions(name)}\n{daemon.log}")

    def test_killed_at_any_call_it_is_ended_as_planned(self):
        self.world.streams = self.KILLED
        for name, (operation, number, moment) in zip(self.KILLED, self.KILLS):
            self.kill_pass(name, operation, number, moment)
        self.gate.hook = None
        begun = [name for name in self.KILLED if self.actions(name)]
        self.assertEqual(len(begun), len(self.KILLED) - 4, begun)  # the pass's own look, and the one before it begins
        for_daemon = begun[::2]
        for_pass = [name for name in self.KILLED if name not in for_daemon]

        # A dead process without an action may hold its lock for two minutes.
        eventually(lambda: "forbidden" not in self.run_pass("--dry-run", *[n for n in for_pass if n not in begun]))
        self.run_pass(*for_pass)
        self.daemon_ends(for_daemon)
        for name, kill in zip(self.KILLED, self.KILLS):
            with self.subTest(kill=kill, by_daemon=name in for_daemon):
                self.check_merged(name, 12, 6)
        self.assertEqual([call.answer for call in self.gate.calls
                          if call.operation == "MergeShards" and call.status != 200], [])

    def test_beside_a_daemon_nothing_is_merged_twice_and_no_wait_leaves_it_to_the_daemon(self):
        beside, left = [f"b{number}" for number in range(5)], [f"l{number}" for number in range(3)]
        daemon = self.start_daemon(beside + left)
        self.run_pass(*beside)
        for name in beside:
            self.check_merged(name, 12, 6)
        self.assertIn("cooldown", self.run_pass(*beside, code=3))

        before = time.monotonic()
        rows = self.run_json("--no-wait", *left)
        self.assertLess(time.monotonic() - before, 10)
        self.assertEqual({row["result"] for row in rows.values()}, {"merge"})
        eventually(lambda: all(self.actions(name) for name in left))
        rows = self.run_json("--no-wait", *left, code=3)
        self.assertEqual({(row["result"], row["reason"]) for row in rows.values()},
                         {("forbidden", "an action is under way")})
        for name in left:
            eventually(lambda: self.actions(name)[0][1] == DONE, what=lambda: daemon.log)
            self.check_merged(name, 12, 6)
        self.assertEqual(len(daemon.log_lines("turn-failed", "reconcile-failed")), 0, daemon.log)

    def test_the_daemon_runs_the_pass_itself_when_it_is_told_to(self):
        streams = self.use("d", 3)
        daemon = self.start_daemon([*streams, "gone"], scale_down_schedule="internal")
        daemon.wait_for_log(r" pass-ended +streams=4 merge=3$")
        daemon.wait_for_log(r" pass-failed +stream=gone error=.*ResourceNotFoundException")
        for name in streams:
            eventually(lambda: any(row[1] == DONE for row in self.actions(name)), what=lambda: daemon.log)
            self.check_merged(name, 12, 6)
        values = daemon.metrics()
        self.assertEqual([values[f'kinescale_passes_total{{result="{result}"}}'] for result in ("ok", "failed")], [0, 1])

    def test_what_cannot_be_merged_fails_and_does_not_keep_the_others(self):
        good, bad = self.use("g", 2)

        def hook(call, moment):
            return moment == "before" and call.operation == "DescribeStreamSummary" and bad in call.body.decode()
        self.gate.hook = hook
        process = self.start_pass("bad", "--no-wait", good, bad)
        self.assertEqual(process.wait(), 1, process.out + process.log)
        self.assertRegex(process.out, rf"(?m)^{good} +merge +12 +6 ")
        self.assertRegex(process.out, rf"(?m)^{bad} +failed ")
        process = self.start_pass("lasting", good)
        self.assertEqual(process.wait(), 0, process.out + process.log)
        self.check_merged(good, 12, 6)
        self.assertEqual(self.actions(bad), [])

    def test_a_stream_that_is_paused_before_its_turn_does_not_keep_the_pass(self):
        name = self.use("l", 4)[3]
        paused = []

        def hook(call, moment):
            if call.operation == "GetMetricData" and moment == "before" and not paused:
                paused.append(run("pause", "--config", self.world.config(), "--clock", self.world.clock, name))
            return False
        self.gate.hook = hook
        process = self.start_pass("paused", name)
        self.assertEqual(process.wait(), 1, process.out + process.log)
        self.assertEqual(paused[0].returncode, 0, paused[0].stderr)
        self.assertRegex(process.out, rf"(?m)^\S+Z  {name}  was paused; left to the daemon or the next pass$")
        self.assertEqual(self.actions(name), [])

    def test_a_stream_whose_turns_fail_again_and_again_is_left_and_taken_up_later(self):
        name = self.use("l", 5)[4]
        looks = []

        def hook(call, moment):
            if moment == "before" and call.operation == "GetMetricData":
                looks.append(call)
            return moment == "before" and call.operation == "GetMetricData" and len(looks) > 1
        self.gate.hook = hook
        process = self.start_pass("failing", "--output", "json", name)
        self.assertEqual(process.wait(), 1, process.out + process.log)
        self.assertEqual([(row["result"], row["failure"]) for row in json.loads(process.out)],
                         [("failed", "not begun; left to the daemon or the next pass")])
        self.assertGreaterEqual(len(re.findall(rf"(?m)^\S+Z  {name}  stream '{name}': .*GetMetricData", process.log)), 3)
        self.assertIn("left to the daemon or the next pass", process.log)
        self.gate.hook = None
        self.run_pass(name)
        self.check_merged(name, 12, 6)


if __name__ == "__main__":
    unittest.main()
