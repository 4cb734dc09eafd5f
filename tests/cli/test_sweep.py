"""backtest --sweep: every combination once, as if it stood in the file, and those marked that nothing dominates."""

import itertools
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from backtests import Folder  # noqa: E402

CONFIG = """[service]
database = unused.db
topic_arn = arn:aws:sns:eu-west-1:123456789012:scaling
[defaults]
policy = classic
max_shards = 64
[stream events]
desired_shards = 2
%s
"""


class Sweep(Folder):
    CONFIG = CONFIG % ""

    def setUp(self):
        super().setUp()
        self.load = self.write_load([5.0 if minute // 40 % 3 == 2 else 1.2 for minute in range(480)])

    def answer(self, *arguments):
        done = self.run_program("--load", self.load, "--output", "json", *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(done.stdout)

    @staticmethod
    def shown(row):
        return round(row["dollars"], 2), round(row["throttled_percent"], 4)

    def test_each_combination_comes_to_what_the_file_would(self):
        values = {"target_utilization": ["60%", "75%"], "cooldown": ["1m", "20m"], "desired_shards": ["1", "4"]}
        arguments = [word for name, texts in values.items() for word in ("--sweep", f"{name}={','.join(texts)}")]
        rows = self.answer(*arguments)["sweep"]
        self.assertEqual([tuple(row["settings"].values()) for row in rows], list(itertools.product(*values.values())))
        for row in rows:
            with self.subTest(settings=row["settings"]):
                text = "".join(f"{name} = {value}\n" for name, value in row["settings"].items())
                self.write("streams.conf", CONFIG.replace("desired_shards = 2\n", "") % text)
                ours = self.answer()["ways"]["kinescale"]
                self.assertEqual({key: row.get(key) for key in ours}, ours)
        for row in rows:
            shown = self.shown(row)
            others = [other for other in map(self.shown, rows)
                      if other[0] <= shown[0] and other[1] <= shown[1] and other != shown]
            self.assertEqual(row["best"], not others, row["settings"])
        self.assertTrue(0 < sum(row["best"] for row in rows) < len(rows))

    def test_the_load_is_described_as_in_a_single_run(self):
        swept, single = self.answer("--keys", "hot:0.9", "--sweep", "cooldown=5m"), self.answer("--keys", "hot:0.9")
        told = [name for name in swept if name != "sweep"]
        self.assertGreater(swept["throttled_in_any_case_bytes"], 0)
        self.assertEqual([swept[name] for name in told], [single[name] for name in told])

    def test_what_the_rules_forbid_is_told_and_not_tried(self):
        arguments = ["--sweep", "target_utilization=40%,60%", "--sweep", "scale_down_threshold=30%,50%"]
        rows = self.answer(*arguments)["sweep"]
        self.assertEqual(["not_tried" in row for row in rows], [False, True, False, False])
        self.assertIn("the stream flaps", rows[1]["not_tried"])
        text = self.run_program("--load", self.load, *arguments).stdout
        self.assertIn("not tried: target_utilization=40% scale_down_threshold=50%: scale_down_threshold must", text)
        self.assertRegex(text, r"(?m)^60% +30% +\d+ ")

    def test_a_value_that_fits_nowhere_is_told_and_the_others_are_tried(self):
        rows = self.answer("--sweep", "min_shards=1,2,80", "--sweep", "max_shards=4,64")["sweep"]
        self.assertEqual(["not_tried" in row for row in rows], [False] * 4 + [True] * 2)
        done = self.run_program("--load", self.load, "--sweep", "cooldown=0s,5m")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("not tried: cooldown=0s: alarm_period must be at most cooldown (0s)", done.stdout)
        self.assertRegex(done.stdout, r"(?m)^5m +\d+ ")

    def test_of_rows_that_look_the_same_none_is_better(self):
        """Nothing is to be done, and only `adaptive` looks: that costs 0.00003 dollars, which nobody sees."""
        self.load = self.write_load([1.2] * 480)
        rows = self.answer("--sweep", "policy=classic,adaptive", "--prices", "metric-requests=0.0001")["sweep"]
        self.assertLess(rows[0]["dollars"], rows[1]["dollars"])
        self.assertEqual(self.shown(rows[0]), self.shown(rows[1]))
        self.assertEqual([row["best"] for row in rows], [True, True])

    def test_desired_shards_follow_min_shards_where_the_file_leaves_them_out(self):
        self.write("streams.conf", CONFIG.replace("desired_shards = 2\n", "") % "")
        for more in ([], ["--initial-shards", "3"]):
            rows = self.answer("--sweep", "min_shards=1,2,4", *more)["sweep"]
            self.assertEqual([row.get("not_tried") for row in rows], [None] * 3)
        self.write("streams.conf", CONFIG % "min_shards = 2")
        rows = self.answer("--sweep", "min_shards=1,2,4")["sweep"]
        self.assertEqual([row.get("not_tried") for row in rows],
                         [None, None, "desired_shards must be at least min_shards (4), not 2"])

    def test_what_is_wrong_is_said(self):
        many = ",".join(f"{n}m" for n in range(1, 10))
        cases = [
            (["--sweep", "cooldown"], "--sweep must be SETTING=A,B,C, not 'cooldown'"),
            (["--sweep", "coolness=1m"], "--sweep: no setting of a stream is called 'coolness'\n"),
            (["--sweep", "cool_down=1m"], "--sweep: no setting of a stream is called 'cool_down'; is 'cooldown' meant?"),
            (["--sweep", "listen=1,2"], "--sweep: 'listen' is a setting of [service], and a replay asks for none of those"),
            (["--sweep", "policy=classic, classic"], "--sweep policy: 'classic' is given twice"),
            (["--sweep", "desired_shards=1,2", "--initial-shards", "3"],
             "--sweep: desired_shards says nothing where --initial-shards or --from-cloudwatch does"),
            (["--sweep", "cooldown=soon,0s"], "--sweep leaves nothing to try: cooldown must be"),
            (["--sweep", "min_shards=70,80", "--sweep", "max_shards=4,64"],
             "--sweep leaves nothing to try: max_shards must be"),
            (["--sweep", "cooldown="], "--sweep cooldown: a value is missing"),
            (["--sweep", "cooldown=1m", "--sweep", "cooldown=2m"], "--sweep: cooldown is given twice"),
            (["--sweep", f"cooldown={many}", "--sweep", f"scale_down_every={many}"],
             "--sweep makes more than 64 combinations"),
            ([word for name in ("cooldown", "min_shards", "max_shards", "desired_shards", "resharding")
              for word in ("--sweep", f"{name}=1")], "--sweep tries at most 4 settings"),
            (["--sweep", "cooldown=1m", "--compare"], "--sweep takes no --operations, --report or --compare"),
        ]
        for arguments, complaint in cases:
            with self.subTest(arguments=arguments):
                done = self.run_program("--load", self.load, *arguments)
                self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
                self.assertIn(complaint, done.stderr)


if __name__ == "__main__":
    unittest.main()
