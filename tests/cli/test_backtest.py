"""backtest: the program replays a load, and an independent replay of its operations comes to the same figures."""

import json
import math
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from backtests import MIB, TRACES, Folder  # noqa: E402
from kinescale import PROGRAM, ROOT  # noqa: E402

KEYS = 1 << 128

CONFIG = """[service]
database = unused.db
topic_arn = arn:aws:sns:eu-west-1:123456789012:scaling
[stream events]
min_shards = 1
max_shards = 256
desired_shards = 4
%s
[stream others-*]
max_shards = 8
"""


class Shards:
    """Hash ranges by shard id, and the ids in the order in which Kinesis gives them."""

    def __init__(self, count):
        self.next_id = 0
        self.open = {}
        for i in range(count):
            self.add(KEYS * i // count, KEYS * (i + 1) // count)

    def add(self, start, end):
        self.open[f"shardId-{self.next_id:012d}"] = (start, end)
        self.next_id += 1

    def split(self, shard, key):
        start, end = self.open.pop(shard)
        self.add(start, key)
        self.add(key, end)

    def merge(self, lower, upper):
        (start, middle), (other, end) = sorted((self.open.pop(lower), self.open.pop(upper)))
        assert middle == other, "only adjacent shards can be merged"
        self.add(start, end)

    def at(self, start):
        return next(shard for shard, interval in self.open.items() if interval[0] == start)

    def sweep(self, target):
        """What UpdateShardCount does to reach `target` even shards, as (function, arguments) one after the other."""
        steps, near = [], KEYS // 10**9
        stack = sorted(self.open.values(), reverse=True)
        for i in range(1, target + 1):
            goal = KEYS * i // target
            start, end = stack.pop()
            while end < goal and goal - end > near and stack:
                begin, after = stack.pop()
                if after - goal > near:
                    steps.append(("split", begin, goal))
                    stack.append((goal, after))
                    after = goal
                steps.append(("merge", start, begin))
                end = after
            if end - goal > near:
                steps.append(("split", start, goal))
                stack.append((goal, end))
        return steps


class Replay:
    """Shard-hours and throttled bytes of a load under recorded operations; evenly spread keys."""

    def __init__(self, minutes, operations, split_seconds):
        self.minutes = minutes
        self.shard_seconds = self.throttled = 0.0
        self.at = 0.0
        self.shards = Shards(operations[0]["shards"])
        self.peak = len(self.shards.open)
        for line in operations[1:]:
            if line.get("refused"):
                continue
            self.carry_out(line, split_seconds)
        self.pass_time(60.0 * len(minutes))

    def carry_out(self, line, split_seconds):
        end = line["t"] + split_seconds
        if line["op"] == "split":
            self.pass_time(end)
            self.shards.split(line["shard"], int(line["key"]))
        elif line["op"] == "merge":
            self.pass_time(end)
            self.shards.merge(*line["shards"])
        else:
            for kind, first, second in self.shards.sweep(line["target"]):
                self.pass_time(end)
                if kind == "split":
                    self.shards.split(self.shards.at(first), second)
                else:
                    self.shards.merge(self.shards.at(first), self.shards.at(second))
                end += split_seconds

    def pass_time(self, until):
        until = min(until, 60.0 * len(self.minutes))
        self.peak = max(self.peak, len(self.shards.open)) if until > self.at else self.peak
        widths = [(end - start) / KEYS for start, end in self.shards.open.values()]
        while self.at < until:
            minute = int(self.at // 60)
            step = min(until, 60.0 * (minute + 1)) - self.at
            rate, records = (value / 60 for value in self.minutes[minute])
            for width in widths:
                part = 1.0
                if rate * width > MIB:
                    part = MIB / (rate * width)
                if records * width > 1000:
                    part = min(part, 1000 / (records * width))
                self.throttled += rate * width * step * (1 - part)
            self.shard_seconds += len(widths) * step
            self.at += step


class Bench(Folder):
    """What the tests here and in test_lookahead.py have in common."""

    CONFIG = CONFIG % ""

    def backtest(self, *arguments):
        done = self.run_program("--output", "json", "--operations", self.path("ops.jsonl"), *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        with open(self.path("ops.jsonl"), encoding="utf-8") as file:
            operations = [json.loads(line) for line in file]
        answer = json.loads(done.stdout)
        self.assertAlmostEqual(answer["offered_bytes"],
                               answer["accepted_bytes"] + answer["ways"]["kinescale"]["throttled_bytes"],
                               delta=1e-9 * answer["offered_bytes"])
        self.assertEqual(operations[0], {"t": 0, "op": "start", "shards": answer["initial_shards"]})
        return answer, operations

    def assert_replays(self, answer, operations, split_seconds=30):
        replay = Replay(self.minutes, operations, split_seconds)
        ours = answer["ways"]["kinescale"]
        self.assertAlmostEqual(ours["shard_hours"], replay.shard_seconds / 3600,
                               delta=0.005 * ours["shard_hours"])
        self.assertAlmostEqual(ours["throttled_bytes"], replay.throttled,
                               delta=0.005 * ours["throttled_bytes"] + 1e-9 * answer["offered_bytes"])
        self.assertEqual(ours["peak_shards"], replay.peak)
        self.assertEqual(answer["final_shards"], len(replay.shards.open))


class Backtest(Bench):
    def test_a_constant_load_never_reshards(self):
        for policy, mib_s, needed in (("classic", 2.0, 2), ("adaptive", 3.0, 3)):
            self.write("streams.conf", CONFIG % f"policy = {policy}")
            load = self.write_load([mib_s] * 3 * 1440)
            answer, operations = self.backtest("--load", load, "--initial-shards", "4")
            self.assertEqual(len(operations), 1, operations)
            self.assertEqual(answer["ways"]["kinescale"]["shard_hours"], 4 * 72)
            self.assertEqual(answer["ways"]["kinescale"]["throttled_bytes"], 0)
            self.assertEqual(answer["ways"]["fixed"]["shard_hours"], needed * 72)
            self.assertEqual(answer["ways"]["perfect_foresight"]["shard_hours"], needed * 72)

    def test_one_split_is_one_split(self):
        self.write("streams.conf", CONFIG % "resharding = split\npolicy = classic")
        done = self.run_program("--load", self.write_load([0.3] * 20 + [0.9] * 20), "--initial-shards", "1")
        self.assertIn("It made 1 split, 0 merges and 0 calls of\nUpdateShardCount; AWS refused 0 calls.", done.stdout)

    def test_a_step_throttles_what_the_splits_leave_no_room_for(self):
        """4 shards, 2 MiB/s, then 8: half of it is lost until shards are split, one after the other."""
        self.write("streams.conf", CONFIG % "resharding = split")
        load = self.write_load([2.0] * 30 + [8.0] * 60)
        answer, operations = self.backtest("--load", load, "--initial-shards", "4")
        splits = [line["t"] + 30 for line in operations if line["op"] == "split"]
        self.assertGreaterEqual(len(splits), 4)
        # Each of the first four splits relieves one of the four full shards, of 2 MiB/s for 1.
        lost = sum((done - 30 * 60) * 1.0 * MIB for done in splits[:4])
        self.assertAlmostEqual(answer["ways"]["kinescale"]["throttled_bytes"], lost, delta=1e-6 * lost)
        # The minute must end, its datapoint be readable: no alarm can come before.
        self.assertGreaterEqual(operations[1]["t"], 31 * 60 + 75)
        self.assertLess(operations[1]["t"], 31 * 60 + 75 + 10)
        self.assert_replays(answer, operations)

    def test_nothing_is_known_before_the_metric_delay(self):
        load = self.write_load([2.0] * 30 + [8.0] * 60)
        for delay in (0, 75, 600):
            _, operations = self.backtest("--load", load, "--initial-shards", "4", "--metric-delay", str(delay))
            self.assertGreaterEqual(operations[1]["t"], 31 * 60 + delay)
            self.assertLess(operations[1]["t"], 31 * 60 + delay + 10)

    def test_the_same_seed_gives_the_same_answer_to_the_byte(self):
        load = self.write_load([3 + 2.5 * math.sin(i / 100) for i in range(2880)])
        answers = set()
        for _ in range(2):
            done = self.run_program("--load", load, "--keys", "zipf:1:1000", "--operations", self.path("ops"))
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(self.path("ops"), encoding="utf-8") as file:
                answers.add(done.stdout + file.read())
        self.assertEqual(len(answers), 1)

    def test_an_independent_replay_of_the_operations_comes_to_the_same_figures(self):
        day = [6 + 5.5 * math.sin((i % 1440) / 1440 * 2 * math.pi) for i in range(3 * 1440)]
        quiet = [1.0] * 2 * 1440
        cases = [
            ("resharding = split", ["--split-seconds", "20"], 20),
            ("resharding = split", [], 30),
            ("resharding = auto", [], 30),
        ]
        load = self.write_load(day + quiet)
        for setting, arguments, split_seconds in cases:
            with self.subTest(setting=setting, arguments=arguments):
                self.write("streams.conf", CONFIG % setting)
                answer, operations = self.backtest("--load", load, *arguments)
                self.assertTrue(any(line["op"] != "split" for line in operations[1:]))
                self.assert_replays(answer, operations, split_seconds)

    def test_a_fleet_that_stays_throttles_what_the_keys_make_it_throttle(self):
        """8 MiB/s on 8 even shards, and a key with a quarter of it: its shard gets 2 + 6/8 MiB/s, and takes one."""
        load = self.write_load([8.0] * 60 + [2.0] * 60)
        arguments = ["--load", load, "--keys", "hot:0.25", "--compare"]
        ways = self.backtest(*arguments)[0]["ways"]
        lost = 3600 * (2 + 6 / 8 - 1) * MIB
        offered = 3600 * 10 * MIB
        self.assertEqual((ways["fixed"]["peak_shards"], ways["fixed"]["shard_hours"]), (8, 16))
        self.assertAlmostEqual(ways["fixed"]["throttled_bytes"], lost, delta=1e-9 * offered)
        self.assertAlmostEqual(ways["fixed"]["throttled_percent"], 100 * lost / offered)
        self.assertEqual(ways["fixed"]["throttled_minutes"], 60)
        self.assertAlmostEqual(ways["fixed"]["dollars"], 16 * 0.015 + (offered - lost) / 2048 / 1e6 * 0.014)
        self.assertEqual(ways["perfect_foresight"]["shard_hours"], 10)
        self.assertFalse([key for key in ways["perfect_foresight"] if key.startswith("throttled")])
        done = self.run_program(*arguments, "--report", self.path("page.html"))
        self.assertRegex(done.stdout, r"(?m)^fixed at the peak +16 +1\.60 x +[\d.]+ +17\.5000 % +60 +8 ")
        self.assertRegex(done.stdout, r"(?m)^perfect foresight +10 +1\.00 x +[\d.]+ +- +- +8 ")
        with open(self.path("page.html"), encoding="utf-8") as page:
            text = page.read()
        for words in ("17.5000 %", "Perfect foresight, and how many shards stay at the peak, are for keys"):
            self.assertIn(words, text)
            self.assertIn(words, done.stdout)
        sweep = self.run_program("--load", load, "--keys", "hot:0.25", "--sweep", "cooldown=1m,5m")
        self.assertIn("Foresight is for keys that are spread evenly.", sweep.stdout)
        even = self.run_program("--load", load)
        self.assertNotIn("Perfect foresight, and how many", even.stdout)
        self.assertRegex(even.stdout, r"(?m)^perfect foresight +10 +1\.00 x +[\d.]+ +0\.0000 % +0 +8 ")

    def test_records_bind_when_they_are_small(self):
        load = self.write_load([1.0] * 30 + [2.0] * 60, record_bytes=300)
        answer, operations = self.backtest("--load", load, "--initial-shards", "8")
        self.assertEqual(answer["ways"]["fixed"]["peak_shards"], math.ceil(2 * MIB / 300 / 1000))
        self.assert_replays(answer, operations)

    def test_counts_are_scaled_to_the_peak_and_steps_are_filled_by_straight_lines(self):
        load = self.write("counts.csv", "timestamp,value\n2014-04-10 00:04:30,10\n2014-04-10 00:09:30,20\n")
        answer, _ = self.backtest("--load", load, "--peak", "2", "--record-bytes", "1024")
        # 10, 12, 14, 16, 18, then 20 for one more step of five minutes; 20 stands for 2 MiB/s.
        self.assertEqual(answer["minutes"], 10)
        self.assertAlmostEqual(answer["offered_bytes"], (70 + 5 * 20) / 20 * 2 * MIB * 60, delta=1)
        self.assertAlmostEqual(answer["offered_records"], answer["offered_bytes"] / 1024, delta=1)

    def test_what_may_be_sums_of_longer_times_is_pointed_out(self):
        load = self.write("steps.csv", "minute,bytes,records\n" + "".join(f"{5 * i},3e6,3e3\n" for i in range(12)))
        done = self.run_program("--load", load, "--report", self.path("page.html"))
        note = (f"{load}: its rows are 5 minutes apart, and each is taken for what one minute brought.\n"
                "  If they are sums over 5 minutes, divide them by 5.\n")
        self.assertEqual((done.returncode, done.stderr), (0, note))
        self.assertIn("60 minutes", done.stdout)
        with open(self.path("page.html"), encoding="utf-8") as page:
            text = page.read()
        for line in note.splitlines():
            self.assertIn(line.strip(), text)

    def test_what_is_small_is_not_shown_as_nothing(self):
        load = self.write("short.csv", "minute,bytes,records\n0,60000,60\n")
        done = self.run_program("--load", load, "--initial-shards", "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("events: 1 minute (0.017 hours), 0.000056 GiB and 60 records offered, keys uniform\n"
                      "  0.00095 MiB/s in the mean, 0.00095 in the highest minute; 1 shard at the start, 1 at the end\n",
                      done.stdout)
        self.assertRegex(done.stdout, r"(?m)^kinescale +0\.017 +1\.00 x +0\.00030 +0\.0000 %")

    def test_missing_rows_are_pointed_out(self):
        rows = [i for i in range(60) if i not in (7, 20, 21, 22)]
        load = self.write("gaps.csv", "minute,bytes,records\n" + "".join(f"{i},3e6,3e3\n" for i in rows))
        done = self.run_program("--load", load)
        note = f"{load}: rows are missing for 4 minutes, up to 3 in a row; a straight line is drawn there.\n"
        self.assertEqual((done.returncode, done.stderr), (0, note))

    def test_other_prices_change_the_dollars_and_nothing_else(self):
        load = self.write_load([1.0] * 60)
        plain, _ = self.backtest("--load", load)
        dear, _ = self.backtest("--load", load, "--prices", "shard-hour=1,put-units=0,alarm-month=0,metric-requests=0")
        self.assertAlmostEqual(dear["ways"]["kinescale"]["dollars"], dear["ways"]["kinescale"]["shard_hours"])
        self.assertEqual(plain["prices"] | {"shard-hour": 1, "put-units": 0, "alarm-month": 0, "metric-requests": 0},
                         dear["prices"])
        self.assertEqual(plain["ways"]["kinescale"]["shard_hours"], dear["ways"]["kinescale"]["shard_hours"])

    def test_the_dollars_are_quantities_times_prices(self):
        """A look every five minutes asks for three metrics; at shard level each shard's alarms and metrics are paid for."""
        load = self.write_load([1.5] * 480)
        for level in ("stream", "shard"):
            self.write("streams.conf", CONFIG % f"alarm_level = {level}")
            answer, _ = self.backtest("--load", load)
            ours, prices = answer["ways"]["kinescale"], answer["prices"]
            alarms = 3 * (8 if level == "stream" else ours["shard_hours"])
            metrics = 0 if level == "stream" else 3 * ours["shard_hours"]
            self.assertAlmostEqual(ours["dollars"], ours["shard_hours"] * prices["shard-hour"]
                                   + answer["accepted_records"] / 1e6 * prices["put-units"]
                                   + alarms / 730 * prices["alarm-month"] + metrics / 730 * prices["metric-month"]
                                   + answer["metrics_requested"] / 1000 * prices["metric-requests"])
            self.assertGreaterEqual(answer["metrics_requested"], 3 * 480 / 5)

    def test_what_is_rounded_up_is_rounded_minute_by_minute(self):
        """In turn 30,000 records of 100 B, which are a KiB and a unit each, and of 30,000 B, 30 KiB and two units."""
        load = self.write("sizes.csv", "minute,bytes,records\n" + "".join(
            f"{i},{30000 * (30000 if i % 2 else 100)},30000\n" for i in range(60)))
        answer, _ = self.backtest("--load", load, "--initial-shards", "64")
        ways, prices, gib = answer["ways"], answer["prices"], 1 << 30
        written = 30 * 30000 * (1 + 30) * 1024 / gib
        read = 30 * 30000 * (100 + 30000) / gib
        units = 30 * 30000 * (1 + 2) / 1e6 * prices["put-units"]
        self.assertEqual(ways["kinescale"]["throttled_bytes"], 0)
        self.assertAlmostEqual(ways["on_demand_standard"]["dollars"], prices["on-demand-hour"]
                               + written * prices["on-demand-in"] + read * prices["on-demand-out"])
        self.assertAlmostEqual(ways["on_demand_advantage"]["dollars"],
                               written * prices["advantage-in"] + read * prices["advantage-out"])
        for way in ("kinescale", "fixed", "perfect_foresight"):
            watched = answer["metrics_requested"] / 1000 * prices["metric-requests"] + 3 / 730 * prices["alarm-month"]
            self.assertAlmostEqual(ways[way]["dollars"], ways[way]["shard_hours"] * prices["shard-hour"] + units
                                   + (watched if way == "kinescale" else 0), msg=way)

    def test_foresight_and_the_peak_keep_the_minimum_too(self):
        self.write("streams.conf", (CONFIG % "").replace("min_shards = 1", "min_shards = 3"))
        load = self.write_load([1.0] * 60 + [5.0] * 60)
        for arguments in ([], ["--keys", "slice:0.5:0:2"]):
            ways = self.backtest("--load", load, *arguments)[0]["ways"]
            self.assertEqual(ways["perfect_foresight"]["shard_hours"], 3 + 5)
        ways = self.backtest("--load", self.write_load([1.0] * 60))[0]["ways"]
        self.assertEqual([ways[way][figure] for way in ("perfect_foresight", "fixed")
                          for figure in ("shard_hours", "peak_shards")], [3] * 4)

    def test_what_the_figures_cannot_know_is_said(self):
        load = self.write_load([1.0] * 60)
        even = "Kinesis throttles by the second"
        for keys, draw in (("uniform", False), ("slice:0.5:0:2", False), ("hot:0.1", True), ("zipf:1.0:10", True)):
            for arguments in ([], ["--sweep", "cooldown=5m"], ["--report", self.path("page.html")]):
                with self.subTest(keys=keys, arguments=arguments):
                    text = self.run_program("--load", load, "--keys", keys, "--seed", "7", *arguments).stdout
                    if "--report" in arguments:
                        with open(self.path("page.html"), encoding="utf-8") as page:
                            text = page.read()
                    self.assertIn(even, text)
                    self.assertEqual("is one draw, of seed 7;" in text, draw)
                    self.assertEqual("the minimum to which the account commits itself" in text,
                                     "--sweep" not in arguments)

    def test_what_single_keys_lose_in_any_case_is_said(self):
        """Half of 3 MiB/s in one key: a third of it is above what one shard takes, and of its 768 records a second too."""
        load = self.write_load([3] * 60)
        answer, _ = self.backtest("--load", load, "--keys", "hot:0.5", "--initial-shards", "16")
        self.assertAlmostEqual(answer["throttled_in_any_case_bytes"], 0.5 * MIB * 3600)
        self.assertAlmostEqual(answer["throttled_in_any_case_records"], 256 * 3600)
        self.assertGreaterEqual(answer["ways"]["kinescale"]["throttled_bytes"], 0.5 * MIB * 3600)
        self.assertIn("1800.0 MiB, 16.67 % of the load, are throttled with any number of shards",
                      self.run_program("--load", load, "--keys", "hot:0.5").stdout)
        for keys in ("uniform", "hot:0.3", "slice:0.9:0:4"):
            answer, _ = self.backtest("--load", load, "--keys", keys)
            self.assertEqual(answer["throttled_in_any_case_bytes"], 0, keys)
            self.assertNotIn("with any number of shards", self.run_program("--load", load, "--keys", keys).stdout)

    def test_readme_has_the_prices(self):
        answer, _ = self.backtest("--load", self.write_load([1.0] * 60))
        with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
            rows = re.findall(r"(?m)^\| `([a-z-]+)` \| [^|]* \| ([0-9.]+) \|$", file.read())
        self.assertEqual({name: float(dollars) for name, dollars in rows}, answer["prices"])

    def test_what_is_wrong_is_said(self):
        load = self.write_load([1.0] * 60)
        counts = self.write("counts.csv", "minute,value\n0,1\n1,2\n")
        nothing = self.write("nothing.csv", "minute,value\n0,0\n1,0\n")
        broken = self.write("broken.csv", "minute,value\n0,1\nx,2\n")
        marked = self.write("marked.csv", "\ufeffminute,bytes,records\n0,1,1\n")
        twice = self.write("twice.csv", "timestamp,bytes,records\n2026-03-02T07:05:00Z,1,1\n2026-03-02T07:05:30Z,1,1\n")
        high = self.write("high.csv", f"minute,bytes,records\n0,{20000 * 60 * MIB + 1},20000000\n")
        empty = self.write("empty.csv", "minute,bytes,records\n0,1000,1\n1,2000,0\n")
        cases = [
            (["--load", marked], f"{marked}:1: begins with a byte order mark; save it without"),
            (["--load", empty], f"{empty}:3: 2000 bytes in no record"),
            ([], "--load FILE or --from-cloudwatch STREAM says what producers offer; both are missing"),
            (["--load", "/none.csv"], "/none.csv"),
            (["--load", high, "--keys", "hot:0.1"],
             "the highest minute of the load needs 20001 shards; no more than 20000 are simulated"),
            (["--load", broken], f"{broken}:3: 'x' is not a minute, a whole number from 0 to 2147483647"),
            (["--load", twice], f"{twice}:3: is of the same minute as line 2; a load has one row a minute, or fewer"),
            (["--load", counts],
             f"{counts}: has counts only; --peak MIB_S says what its 99.9th percentile minute stands for"),
            (["--load", load, "--peak", "3"], f"{load}: says bytes and records itself, no --peak scales it"),
            (["--load", nothing, "--peak", "3"], f"{nothing}: the 99.9th percentile is 0, there is no load to scale"),
            (["--load", counts, "--peak", "0"], "--peak must be above 0 and at most 10000 MiB/s, not '0'"),
            (["--load", load, "--peak", "3", "--record-bytes", "0"], "--record-bytes must be 1 to 10485760, not '0'"),
            (["--load", load, "--initial-shards", "x"], "--initial-shards must be 1 to 10000, not 'x'"),
            (["--load", load, "--split-seconds", "0"], "--split-seconds must be 1 to 3600, not '0'"),
            (["--load", load, "--update-seconds", "fast"], "--update-seconds must be serial or 1 to 86400, not 'fast'"),
            (["--load", load, "--metric-delay", "-1"], "--metric-delay must be 0 to 3600, not '-1'"),
            (["--load", load, "--seed", "x"], "--seed must be 0 to 9223372036854775807, not 'x'"),
            (["--load", load, "--keys", "odd"], "keys 'odd' are none of uniform, zipf:S:KEYS, hot:SHARE"),
            (["--load", load, "--stream", "nobody"], "speaks of no stream 'nobody', but of events, others-*\n"),
            (["--load", load, "--stream", "others-*"],
             "--stream must be a stream's name of 1 to 128 letters, digits, '_', '.' and '-', not 'others-*'"),
            (["--from-cloudwatch", "arn:aws:kinesis:eu-west-1:1:stream/x", "--stream", "events"],
             "--from-cloudwatch must be a stream's name of 1 to 128 letters, digits, '_', '.' and '-', not 'arn:aws"),
            (["--load", load, "--keys", "zipf:1", "--operations", self.path("none")], "--keys: 'zipf' wants 'S:KEYS'"),
            (["--load", load, "--prices", "shard-hour=1e7"],
             "the price 'shard-hour' must be 0 to 1000000 dollars, not '1e7'"),
            (["--load", load, "--prices", "coffee=1"],
             "--prices: there is no price 'coffee'; there are shard-hour, put-units, on-demand-hour"),
            (["--load", load, "--prices", "put-units=1,shard-hour=1,put-units=2"],
             "--prices: 'put-units' is given twice"),
            (["--load", load, "--prices", "shard-hours=1"],
             "--prices: there is no price 'shard-hours'; is 'shard-hour' meant?"),
            (["--load", load, "--output", "xml"], "--output must be table or json, not 'xml'"),
            (["--load", load, "--operations", "/none/ops"], "cannot write '/none/ops': No such file or directory"),
            (["--load", load, "--record-bytes", "300"], "--record-bytes needs --peak"),
            (["--load", load, "more"], "backtest takes no argument"),
        ]
        for arguments, complaint in cases:
            with self.subTest(arguments=arguments):
                done = self.run_program(*arguments)
                self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
                self.assertIn(complaint, done.stderr)
        self.assertFalse(os.path.exists(self.path("none")))

    def test_no_file_is_written_over_that_is_read_or_written_too(self):
        load = self.write_load([1.0] * 60)
        config = self.path("streams.conf")
        database = self.write("my.db", "what a daemon knows\n")
        self.write("streams.conf", self.CONFIG.replace("unused.db", database))
        os.symlink(self.folder, self.path("folder"))
        os.symlink(load, self.path("link.csv"))
        os.link(config, self.path("hard.conf"))
        self.write("my.db-wal", "what it wrote down last\n")
        new, other_new = self.path("new"), os.path.join(self.path("folder"), "new")
        kept = {}
        for path in (load, config, database, database + "-wal"):
            with open(path, encoding="utf-8") as file:
                kept[path] = file.read()
        cases = [
            (["--operations", load], f"--operations would write over the load in '{load}'"),
            (["--report", self.path("link.csv")], f"--report would write over the load in '{self.path('link.csv')}'"),
            (["--operations", config], f"--operations would write over the configuration in '{config}'"),
            (["--report", self.path("hard.conf")], "--report would write over the configuration in"),
            (["--report", database], f"--report would write over the database in '{database}'"),
            (["--report", database + "-wal"], f"--report would write over the log of the database in '{database}-wal'"),
            (["--operations", database + "-shm"], "--operations would write over the index of the database's log in"),
            (["--operations", new, "--report", new], f"--operations and --report would write the same file, '{new}'"),
            (["--operations", new, "--report", other_new], "--operations and --report would write the same file,"),
            (["--save-load", config], f"--save-load would write over the configuration in '{config}'"),
            (["--save-load", new, "--report", new], f"--save-load and --report would write the same file, '{new}'"),
            (["--operations", new, "--report", "/none/page"], "cannot write '/none/page': No such file or directory"),
            (["--operations", new, "--report", self.folder], f"cannot write '{self.folder}': Is a directory"),
        ]
        for arguments, complaint in cases:
            with self.subTest(arguments=arguments):
                done = self.run_program("--load", load, *arguments)
                self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
                self.assertIn(complaint, done.stderr)
                self.assertFalse(os.path.exists(new))
                for path, text in kept.items():
                    with open(path, encoding="utf-8") as file:
                        self.assertEqual(file.read(), text, path)
        with open(self.path("out"), "w", encoding="utf-8") as out:
            done = subprocess.run([PROGRAM, "backtest", "--config", config, "--load", load, "--report", self.path("out")],
                                  stdout=out, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn(f"--report would write over the output in '{self.path('out')}'", done.stderr)
        done = self.run_program("--load", load, "--operations", "/dev/null", "--report", "/dev/null")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_stream_that_only_a_pattern_covers_can_be_tried(self):
        load = self.write_load([1.0] * 60)
        answer, _ = self.backtest("--load", load, "--stream", "others-1")
        self.assertEqual((answer["stream"], answer["initial_shards"]), ("others-1", 1))

    def test_recorded_traffic_conserves_what_was_offered(self):
        path = os.path.join(TRACES, "nab_networkin_iio.csv")
        if not os.path.exists(path):
            self.skipTest("../shared/data/traces is missing")
        for record_bytes in ("2048", "300"):
            for keys in ("uniform", "zipf:1.0:10000"):
                with self.subTest(record_bytes=record_bytes, keys=keys):
                    self.backtest("--load", path, "--peak", "24", "--record-bytes", record_bytes, "--keys", keys)


if __name__ == "__main__":
    unittest.main()
