"""backtest: cases worked out by hand, decisions that know nothing of what is to come, and recorded traffic."""

import csv
import datetime
import glob
import json
import math
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_backtest import CONFIG, Bench, Replay
from backtests import MIB, TRACES
from kinescale import PROGRAM


class ByHand(Bench):
    def test_a_step_throttles_until_the_one_call_is_done(self):
        """4 shards, 2 MiB/s for half an hour, then 8 MiB/s; UpdateShardCount takes a minute.

        Minute 30 is the first with 8 MiB/s: it ends at 1860 s, its sum can be read 75 s later, and the alarm fires
        at once: 1935 s.  The daemon asks for 8 shards, has them at 1995 s, and from then on nothing is throttled.
        Until then, from 1800 s on, 4 of 8 MiB/s are: 195 s x 4 MiB/s = 780 MiB.  In records of 2 KiB: 399,360.
        Before 1995 s 4 shards are open; the rest depends on what comes of the next look and is not looked at here.
        """
        self.write("streams.conf", CONFIG % "resharding = update-shard-count")
        load = self.write_load([2.0] * 30 + [8.0] * 60)
        answer, operations = self.backtest("--load", load, "--initial-shards", "4", "--update-seconds", "60")
        self.assertEqual(operations[:2], [{"t": 0, "op": "start", "shards": 4}, {"t": 1935, "op": "update", "target": 8}])
        ours = answer["ways"]["kinescale"]
        self.assertAlmostEqual(ours["throttled_bytes"], 780 * MIB, delta=1)
        self.assertAlmostEqual(ours["throttled_records"], 399360, delta=1e-3)
        self.assertEqual(ours["throttled_minutes"], 4)  # 30, 31, 32, and 15 s of 33

    def test_an_alarm_that_would_fire_in_the_metric_delay_does_not(self):
        """One minute of 8 MiB/s, the 28th; the load ends with the 30th, at 1800 s.

        The sum of that minute is complete at 1740 s.  With a delay of 75 s it is read at 1815 s: too late for
        anything to be done.  With one of 30 s it is read at 1770 s.
        """
        load = self.write_load([2.0] * 28 + [8.0] + [2.0])
        for delay, calls in (("75", []), ("60", []), ("30", [1770])):
            _, operations = self.backtest("--load", load, "--initial-shards", "4", "--metric-delay", delay)
            self.assertEqual([int(line["t"]) for line in operations[1:2]], calls)

    def test_a_constant_load_never_reshards_however_full(self):
        # Of four shards that are half full the policy `adaptive` gives one back.
        for mib_s, shards, policies in ((0.5, 1, ("classic", "adaptive")), (2.0, 4, ("classic",)),
                                        (3.1, 4, ("classic", "adaptive")), (12.0, 16, ("classic", "adaptive"))):
            load = self.write_load([mib_s] * 2 * 1440)
            for policy in policies:
                self.check_rest(load, shards, policy)

    def check_rest(self, load, shards, policy):
        self.write("streams.conf", CONFIG % f"policy = {policy}")
        answer, operations = self.backtest("--load", load, "--initial-shards", str(shards))
        self.assertEqual(len(operations), 1, policy)
        self.assertEqual(answer["ways"]["kinescale"]["shard_hours"], 48 * shards, policy)


def policies():
    """What `policy` may be, when there is such a setting; else the one there is."""
    told = subprocess.run([PROGRAM, "check", "--explain", "--output", "json"], capture_output=True, check=True).stdout
    found = next((s for s in json.loads(told) if s["name"] == "policy"), None)
    return [f"policy = {name}" for name in re.split(", | or ", found["allowed"])] if found else [""]


class NoLookAhead(Bench):
    """The head of a load leads to the same operations as the whole one, as long as the head lasts."""

    LOADS = {
        "hills": [6 + 5.5 * math.sin(i / 480 * 2 * math.pi) for i in range(1440)],
        "steps": [1.0] * 300 + [7.0] * 200 + [2.0] * 400 + [12.0] * 60 + [0.5] * 480,
        "spikes": [1.0 + 9.0 * (i % 311 < 4) for i in range(1440)],
    }

    def operations_of(self, values, *arguments):
        return self.backtest("--load", self.write_load(values), *arguments)[1]

    def assert_heads_agree(self, values, minutes, *arguments):
        whole = self.operations_of(values, *arguments)
        for minute in minutes:
            with self.subTest(minute=minute):
                wanted = [line for line in whole if line["t"] < 60 * minute]
                self.assertEqual(self.operations_of(values[:minute], *arguments), wanted)
                self.assertGreater(len(wanted), 1)  # else there is nothing to compare
                self.assertLess(len(wanted), len(whole))

    def test_what_is_to_come_changes_nothing_before_it_comes(self):
        for policy in policies():
            self.write("streams.conf", CONFIG % f"scale_down_every = 2h\nscale_down_window = 1h\n{policy}")
            for name, values in self.LOADS.items():
                with self.subTest(policy=policy, load=name):
                    self.assert_heads_agree(values, (314, 1000))

    def test_nor_does_it_with_uneven_keys(self):
        for policy in policies():
            self.write("streams.conf", CONFIG % f"alarm_level = shard\n{policy}")
            with self.subTest(policy=policy):
                self.assert_heads_agree(self.LOADS["hills"][:480], (25,), "--keys", "zipf:1.0:10000")

    def test_nor_does_it_by_what_is_expected(self):
        """The third night is met, because there were two; the fourth did not come, and was waited for too."""
        self.write("streams.conf", CONFIG % "policy = adaptive")
        nights = ([0.6] * 120 + [9.0] * 30 + [0.6] * 1290) * 3 + [0.6] * 1440
        self.assert_heads_agree(nights, (2 * 1440 + 118, 3 * 1440 + 100))
        split = [line["t"] // 60 for line in self.operations_of(nights) if line["op"] == "split"]
        for day, early in enumerate((0, 0, 9, 9)):
            before = [minute for minute in split if 0 <= day * 1440 + 120 - minute < 30]
            self.assertGreaterEqual(len(before), early, f"day {day}")
            self.assertLessEqual(len(before), 2 * early, f"day {day}")


def minute_of(text):
    """Minutes since some beginning; a number is one already."""
    if text.isdigit():
        return int(text)
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=None).timestamp() / 60


@unittest.skipUnless(os.path.isdir(TRACES), "../shared/data/traces is missing")
class Traces(Bench):
    """Four hours of each file around its highest value; the 99.9th percentile minute is 24 MiB/s."""

    def cut(self, path):
        with open(path, encoding="utf-8") as file:
            header, *rows = list(csv.reader(file))
        values = [float(row[1]) for row in rows]
        middle = minute_of(rows[values.index(max(values))][0])
        rows = [row for row in rows if middle - 120 <= minute_of(row[0]) < middle + 120]
        return self.write("cut.csv", "\n".join(",".join(row) for row in [header, *rows]) + "\n"), rows

    def minutes_of(self, rows, record_bytes):
        """Straight lines between two rows; the last one stands for one more step of the usual length."""
        at = [minute_of(row[0]) - minute_of(rows[0][0]) for row in rows]
        values = [float(row[1]) for row in rows]
        steps = sorted(b - a for a, b in zip(at, at[1:]))
        minutes, row = [], 0
        for minute in range(math.ceil(at[-1] + steps[math.ceil(0.5 * len(steps)) - 1])):
            while row + 1 < len(at) and at[row + 1] <= minute:
                row += 1
            rise = (values[row + 1] - values[row]) / (at[row + 1] - at[row]) if row + 1 < len(at) else 0
            minutes.append(values[row] + rise * (minute - at[row]))
        top = sorted(minutes)[math.ceil(0.999 * len(minutes)) - 1]
        sizes = [value / top * 24 * MIB * 60 for value in minutes]
        return [(size, size / record_bytes) for size in sizes]

    def assert_agrees(self, ours, replay):
        """Within 0.5 %.  A load that is cut may end in the middle of a call: the shards in the end are not compared."""
        self.assertAlmostEqual(ours["shard_hours"], replay.shard_seconds / 3600, delta=0.005 * ours["shard_hours"])
        self.assertAlmostEqual(ours["throttled_bytes"], replay.throttled, delta=0.005 * ours["throttled_bytes"])
        self.assertEqual(ours["peak_shards"], replay.peak)

    def test_what_was_offered_was_accepted_or_throttled_and_a_replay_agrees(self):
        paths = sorted(glob.glob(os.path.join(TRACES, "*.csv")))
        self.assertGreaterEqual(len(paths), 7)
        for path in paths:
            load, rows = self.cut(path)
            for record_bytes in (2048, 300):
                minutes = self.minutes_of(rows, record_bytes)
                common = ["--load", load, "--peak", "24", "--record-bytes", str(record_bytes)]
                with self.subTest(path=os.path.basename(path), record_bytes=record_bytes):
                    answer, operations = self.backtest(*common)
                    self.assertAlmostEqual(answer["offered_bytes"], sum(size for size, _ in minutes),
                                           delta=1e-6 * answer["offered_bytes"])
                    self.assert_agrees(answer["ways"]["kinescale"], Replay(minutes, operations, 30))
            with self.subTest(path=os.path.basename(path), keys="zipf"):
                self.backtest("--load", load, "--peak", "24", "--keys", "zipf:1.0:10000")


if __name__ == "__main__":
    unittest.main()
