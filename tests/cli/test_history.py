"""backtest --from-cloudwatch: a stream's own history, fetched by real requests from a simulated AWS, and replayed."""

import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import kinescale

MIB = 1048576
SCENE = """stream events shards=2
traffic events load=constant:3M record=1024
stream quiet shards=1
"""


class FromCloudWatch(unittest.TestCase):
    """3 MiB/s in records of 1 KiB on two shards: in each second 2000 records are accepted and 1072 throttled."""

    @classmethod
    def setUpClass(cls):
        cls.world = kinescale.World(streams=["events", "quiet", "none"], scene=SCENE, speed=3600)
        cls.addClassCleanup(cls.world.close)
        cls.config = cls.world.config()
        cls.load = os.path.join(cls.world.folder, "load.csv")
        kinescale.eventually(lambda: sum(v > 0 for v in cls.volumes()) >= 60)

    @classmethod
    def volumes(cls):
        now = int(cls.world.aws.now().timestamp()) // 60 * 60
        answer = cls.world.aws.cloudwatch("GetMetricData", StartTime=now - 7200, EndTime=now, MetricDataQueries=[
            {"Id": "v", "MetricStat": {"Period": 60, "Stat": "Sum", "Metric": {
                "Namespace": "AWS/Kinesis", "MetricName": "IncomingBytes",
                "Dimensions": [{"Name": "StreamName", "Value": "events"}]}}}])
        return answer["MetricDataResults"][0]["Values"]

    def backtest(self, *arguments, config=None):
        return kinescale.run("backtest", "--config", config or self.config, "--output", "json", *arguments,
                             folder=self.world.folder, environment=self.world.environment())

    def fetch(self, stream, *arguments, config=None):
        return self.backtest("--from-cloudwatch", stream, "--clock", self.world.clock, *arguments, config=config)

    def test_the_history_is_what_was_offered_and_can_be_replayed_from_a_file(self):
        done = self.fetch("events", "--save-load", self.load)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"^events: \d\.\d days from 20\S+Z on, \d+ of \d+ minutes without puts, 2 shards now\n"
                                      r"  (\d+) records were rejected then; \1 of them are believed, [\d.]+ MiB, ")
        answer = json.loads(done.stdout)
        self.assertEqual((answer["stream"], answer["initial_shards"]), ("events", 2))

        with open(self.load, encoding="utf-8") as file:
            header, *rows = file.read().splitlines()
        self.assertEqual((header, len(rows)), ("timestamp,bytes,records", answer["minutes"]))
        full = [tuple(float(cell) for cell in row.split(",")[1:]) for row in rows[3:]]
        for sent, records in full:
            self.assertAlmostEqual(sent, 3 * MIB * 60, delta=1024 * 3)
            self.assertAlmostEqual(records, 3 * 1024 * 60, delta=3)

        again = self.backtest("--load", self.load, "--initial-shards", "2")
        self.assertEqual((again.returncode, again.stderr, again.stdout), (0, "", done.stdout))

    def test_a_report_tells_where_the_load_is_from(self):
        page = os.path.join(self.world.folder, "report.html")
        done = self.fetch("events", "--report", page)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(page, encoding="utf-8") as file:
            text = file.read()
        self.assertIn("Would kinescale have helped events?", text)
        for line in done.stderr.splitlines():
            self.assertIn(line.strip(), text)

    def test_the_settings_of_another_stream_can_be_tried(self):
        path = self.world.write("others.conf", f"[service]\nregion = {self.world.aws.region}\n"
                                f"topic_arn = {self.world.aws.topic_arn()}\n[stream others]\nmax_shards = 3\n")
        done = self.fetch("events", config=path)
        self.assertEqual(done.returncode, 2)
        self.assertIn("others.conf speaks of no stream 'events'; --stream NAME says whose settings are tried", done.stderr)
        done = self.fetch("events", "--stream", "others", "--days", "1", config=path)
        self.assertEqual(done.returncode, 0, done.stderr)
        answer = json.loads(done.stdout)
        self.assertEqual(answer["stream"], "events")
        self.assertLessEqual(answer["final_shards"], 3)

    def test_what_is_wrong_is_said(self):
        cases = [
            (["none"], 2, "there is no stream 'none' in us-east-1"),
            (["quiet"], 2, "nothing was put into stream 'quiet' in the last 14 days: there is no load to try"),
            (["events", "--days", "0"], 2, "--days must be 1 to 455, not '0'"),
            (["events", "--days", "456"], 2, "--days must be 1 to 455, not '456'"),
            (["events", "--load", self.load], 2, "--from-cloudwatch takes no --load, --peak or --record-bytes"),
            (["events", "--peak", "3"], 2, "--from-cloudwatch takes no --load, --peak or --record-bytes"),
            (["events", "--clock", "soon"], 2, "soon"),
            (["events", "--save-load", "/none/load"], 2, "cannot write '/none/load': No such file or directory"),
            (["events", "--save-load", "/dev/full"], 1, "cannot write '/dev/full': No space left on device"),
        ]
        for arguments, code, complaint in cases:
            with self.subTest(arguments=arguments):
                done = self.fetch(*arguments)
                self.assertEqual((done.returncode, done.stdout), (code, ""), done.stderr)
                self.assertIn(complaint, done.stderr)
        early = os.path.join(self.world.folder, "early.csv")
        for arguments, complaint in ((["--sweep", "coolness=1m"], "no setting of a stream is called 'coolness'"),
                                     (["--keys", "odd"], "keys 'odd' are none of"),
                                     (["--report", "/none/page"], "cannot write '/none/page'"),
                                     (["--operations", early], "--save-load and --operations would write the same file")):
            with self.subTest(arguments=arguments):
                done = self.fetch("events", "--save-load", early, *arguments)
                self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
                self.assertIn(complaint, done.stderr)
                self.assertNotIn("days from", done.stderr)  # nothing was fetched
                self.assertFalse(os.path.exists(early))
        done = self.backtest("--load", self.load, "--days", "3")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--days, --save-load and --clock need --from-cloudwatch", done.stderr)


if __name__ == "__main__":
    unittest.main()
