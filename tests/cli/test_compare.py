"""backtest --compare: the policies of other autoscalers do what is known of them."""

import json
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from backtests import Folder  # noqa: E402
from kinescale import ROOT  # noqa: E402

CONFIG = """[service]
database = unused.db
topic_arn = arn:aws:sns:eu-west-1:123456789012:scaling
[stream events]
max_shards = 64
"""
PEERS = ["ksu", "kas", "ada", "eps", "sub", "splits_halving", "splits_one_pair"]


class Compare(Folder):
    CONFIG = CONFIG

    def told(self, mib_s, shards, *arguments):
        done = self.run_program("--load", self.write_load(mib_s), "--compare", "--initial-shards", str(shards), *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def compare(self, mib_s, shards, *arguments):
        return json.loads(self.told(mib_s, shards, "--output", "json", *arguments))["ways"]

    def test_doubling_takes_the_aws_sample_25_minutes_each_time(self):
        """Accepted bytes never say how much more there is: 1, 2, 4 shards, each after five windows of five minutes."""
        calls = [(25, 0), (28, 1), (48, 1), (53, 2), (73, 2), (80, 3)]
        for minutes, updates in calls:
            with self.subTest(minutes=minutes):
                ways = self.compare([10.0] * minutes, 1)
                self.assertEqual(ways["kas"]["updates"], updates)
                self.assertEqual(ways["kas"]["peak_shards"], 2 ** updates)

    def test_substation_flaps_where_the_load_hovers(self):
        """Doubling at 70 % lands at 35 %, where it halves again; the others stay."""
        bumps = [1.5 if minute % 180 < 10 else 1.2 for minute in range(1440)]
        ways = self.compare(bumps, 2)
        self.assertGreaterEqual(ways["sub"]["updates"], 10)
        self.assertGreaterEqual(ways["sub"]["refused_updates"], 1)
        for key in ("ksu", "kas", "ada"):
            self.assertEqual((ways[key]["updates"], ways[key]["shard_hours"]), (0, 2 * 24), key)

    def test_epsagon_gives_nothing_back_within_a_day(self):
        """Ten minutes at 8 MiB/s, then next to nothing."""
        before, after = [1.0] * 30, [8.0] * 10
        day = self.compare(before + after + [0.1] * 1439, 2)["eps"]
        more = self.compare(before + after + [0.1] * 1500, 2)["eps"]
        self.assertEqual(day["updates"], 2)
        self.assertGreater(more["updates"], day["updates"])
        self.assertGreater(day["mean_shards"], 3.8)

    def test_one_split_an_alarm_relieves_no_even_load_before_a_whole_generation(self):
        """4 full shards: until all four are split, one every five and a half minutes, the widest still throttles."""
        ways = self.compare([4.4] * 60, 4)
        for key in ("splits_halving", "splits_one_pair"):
            self.assertEqual((ways[key]["operations"], ways[key]["peak_shards"]), (4, 8), key)
            self.assertGreater(ways[key]["throttled_minutes"], 18, key)
            self.assertLess(ways[key]["throttled_minutes"], 25, key)

    def test_a_pass_merges_a_half_or_one_pair(self):
        ways = self.compare([0.5] * (36 * 60 + 30), 8)
        self.assertEqual(ways["splits_halving"]["operations"], 4)
        self.assertEqual(ways["splits_one_pair"]["operations"], 1)

    def test_refused_updates_make_scaling_utils_split_by_itself(self):
        """Up and down with each half hour's load: ten calls are gone soon."""
        waves = [6.0 if minute // 90 % 2 else 1.0 for minute in range(1440)]
        ways = self.compare(waves, 4)
        self.assertGreaterEqual(ways["ksu"]["refused_updates"], 1)
        self.assertEqual(ways["ksu"]["updates"], 10)

    def test_a_steady_load_moves_nobody(self):
        ways = self.compare([2.0] * 600, 4)
        for key in ["kinescale"] + PEERS:
            self.assertEqual(ways[key]["shard_hours"], 40, key)
            self.assertEqual((ways[key]["operations"], ways[key]["refused_updates"]), (0, 0), key)

    def test_on_all_cores_the_answer_is_the_same_to_the_byte(self):
        waves = [6.0 if minute // 30 % 2 else 1.0 for minute in range(720)]
        answers = {self.told(waves, 4, "--output", "json", "--keys", "zipf:1:1000") for _ in range(2)}
        self.assertEqual(len(answers), 1)

    def test_readme_speaks_of_each_row_of_the_table(self):
        text = self.told([2.0] * 60, 4)
        rows = re.findall(r"(?m)^(\S.*?)  +[\d.-]+  ", text)
        with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
            readme = file.read()
        described = re.search(r"<!-- peers -->\n(.*?)<!-- /peers -->", readme, re.S).group(1)
        cells = [[cell.strip() for cell in line.split("|")] for line in described.splitlines()[2:]]
        self.assertEqual(rows[:len(cells) + 2], ["kinescale"] + [row[1] for row in cells] + ["fixed at the peak"])
        self.assertEqual([row[2] for row in cells], [f"`{key}`" for key in PEERS])
        always = set(self.compare([2.0] * 60, 4)) - set(PEERS)
        self.assertEqual({key for key in always if f"`{key}`" not in readme}, set())


if __name__ == "__main__":
    unittest.main()
