"""What `status` and `plan` say is what AWS's own tools see: botocore, and the AWS CLI where there is one.

The AWS CLI is Debian's (tools/bootstrap test), or whichever is on the path; botocore is what both are made of, in another
version each.
"""

import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import kinescale  # noqa: E402

try:
    import botocore.session
except ImportError:
    botocore = None

STREAM = "orders"
BYTES_PER_S = 2673869  # 85 % of three shards
SCENE = f"""topic kinescale
stream {STREAM} shards=3
alarms {STREAM} topic=kinescale
traffic {STREAM} load=constant:{BYTES_PER_S} record=4096
"""


def kebab(operation):
    return re.sub(r"(?<!^)(?=[A-Z])", "-", operation).lower()


class Cli:
    """The AWS CLI as a client."""

    def __init__(self, aws):
        self.environment = {**kinescale.clean_environment(), **aws.settings, "AWS_PAGER": ""}
        self.url = aws.url

    def ask(self, service, operation, **members):
        result = subprocess.run(
            # Debian's, 2.9, does not know AWS_ENDPOINT_URL yet.
            ["aws", service, kebab(operation), "--endpoint-url", self.url, "--output", "json", "--cli-input-json",
             json.dumps(members)],
            env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        if result.returncode != 0:
            raise AssertionError(f"{operation}: {result.stderr}")
        return json.loads(result.stdout)


class Botocore:
    def __init__(self, aws):
        self.settings = {"endpoint_url": aws.url, "region_name": aws.region, "aws_access_key_id": aws.keys[0],
                         "aws_secret_access_key": aws.keys[1]}

    def ask(self, service, operation, **members):
        client = botocore.session.Session().create_client(service, **self.settings)
        try:
            return getattr(client, kebab(operation).replace("-", "_"))(**members)
        finally:
            client.close()


def why_no_cli():
    if shutil.which("aws") is None:
        return "there is no aws command"
    try:
        subprocess.run(["aws", "--version"], check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return "the aws command does not work"
    return None


class Agreement(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """A stream that has been scaled up, and rests."""
        cls.world = cls.enterClassContext(kinescale.World([STREAM], SCENE, defaults={
            **kinescale.CLASSIC, "cooldown": "6h", "max_shards": 64, "resharding": "split"}))
        cls.daemon = cls.world.daemon()
        cls.daemon.wait_for_actions(STREAM)

    def command(self, *arguments):
        result = kinescale.run(*arguments, "--config", self.world.config(), "--clock", self.world.clock, "--output",
                               "json", environment=self.world.environment())
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)

    def check(self, client):
        shards = client.ask("kinesis", "ListShards", StreamName=STREAM)["Shards"]
        still_open = [shard for shard in shards if "EndingSequenceNumber" not in shard["SequenceNumberRange"]]
        ranges = sorted((int(shard["HashKeyRange"]["StartingHashKey"]), int(shard["HashKeyRange"]["EndingHashKey"]))
                        for shard in still_open)
        kinescale.check_partition(ranges)
        self.check_status(client, ranges)
        self.check_history(shards)
        self.check_plan(client, ranges)

    def check_status(self, client, ranges):
        status = next(s for s in self.command("status")["streams"] if s["stream"] == STREAM)
        summary = client.ask("kinesis", "DescribeStreamSummary", StreamName=STREAM)["StreamDescriptionSummary"]
        self.assertEqual((summary["StreamStatus"], status["state"]), ("ACTIVE", "cooldown"))
        self.assertEqual(status["open_shards"], summary["OpenShardCount"])
        self.assertEqual(status["open_shards"], len(ranges))
        self.assertGreater(status["open_shards"], 3)
        self.assertAlmostEqual(status["effective_shards"], float(kinescale.effective(ranges)), 6)
        self.assertEqual(status["max_shards"], 64)
        self.assertLessEqual(status["open_shards"], status["max_shards"])
        self.check_alarms(client, ranges, status["effective_shards"])

    def check_alarms(self, client, ranges, effective_shards):
        """One of each metric, at 80 % of what `status` says the stream takes, and armed."""
        alarms = client.ask("cloudwatch", "DescribeAlarms", AlarmTypes=["MetricAlarm"])["MetricAlarms"]
        ours = {a["MetricName"]: a for a in alarms if {"Name": "StreamName", "Value": STREAM} in a["Dimensions"]}
        self.assertEqual(sorted(ours), ["IncomingBytes", "IncomingRecords", "WriteProvisionedThroughputExceeded"])
        self.assertEqual({alarm["StateValue"] for alarm in ours.values()}, {"OK"})
        self.assertEqual(ours["WriteProvisionedThroughputExceeded"]["Threshold"], 0)
        for metric, of_one in (("IncomingBytes", kinescale.SHARD_BYTES), ("IncomingRecords", kinescale.SHARD_RECORDS)):
            self.assertEqual(ours[metric]["Threshold"], kinescale.expected_threshold(metric, 60, ranges))
            self.assertAlmostEqual(ours[metric]["Threshold"] / (0.8 * 60 * of_one * effective_shards), 1, 6)
        by_metric = client.ask("cloudwatch", "DescribeAlarmsForMetric", Namespace="AWS/Kinesis",
                               MetricName="IncomingBytes", Dimensions=[{"Name": "StreamName", "Value": STREAM}])
        self.assertEqual([alarm["AlarmName"] for alarm in by_metric["MetricAlarms"]],
                         [ours["IncomingBytes"]["AlarmName"]])

    def check_history(self, shards):
        """Each split that `status` shows has closed a shard and opened two."""
        action = self.command("status", STREAM)["actions"][0]
        by_parent = {}
        for shard in shards:
            by_parent.setdefault(shard.get("ParentShardId"), []).append(shard["HashKeyRange"])
        self.assertEqual(sorted(step["shard"] for step in action["steps"]),
                         sorted(parent for parent in by_parent if parent is not None))
        for step in action["steps"]:
            lower, upper = sorted(by_parent[step["shard"]], key=lambda keys: int(keys["StartingHashKey"]))
            self.assertEqual(upper["StartingHashKey"], step["new_starting_hash_key"])
            self.assertEqual(int(lower["EndingHashKey"]) + 1, int(step["new_starting_hash_key"]))
        self.assertEqual((action["from_shards"], action["to_shards"]), (3, 3 + len(action["steps"])))

    def check_plan(self, client, ranges):
        # Until a minute of the new shards has been measured, it says "wait".
        plan = kinescale.eventually(lambda: [p for p in self.command("plan") if p["verdict"] != "wait"])[0]
        limits = client.ask("kinesis", "DescribeLimits")
        self.assertEqual(plan["account_headroom"], limits["ShardLimit"] - limits["OpenShardCount"])
        self.assertEqual((plan["open_shards"], plan["verdict"], plan["operations"]), (len(ranges), "enough", []))
        now = self.world.aws.now()
        metric = {"Namespace": "AWS/Kinesis", "MetricName": "IncomingBytes",
                  "Dimensions": [{"Name": "StreamName", "Value": STREAM}]}
        result, = client.ask(
            "cloudwatch", "GetMetricData", StartTime=(now - datetime.timedelta(minutes=10)).isoformat(),
            EndTime=now.isoformat(), MetricDataQueries=[
                {"Id": "bytes", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}])["MetricDataResults"]
        busiest = max(result["Values"]) / 60
        self.assertAlmostEqual(busiest / BYTES_PER_S, 1, 2)
        self.assertAlmostEqual(plan["accepted_bytes_per_s"] / busiest, 1, 2)

    @unittest.skipIf(botocore is None, "python3-botocore is not installed")
    def test_botocore_agrees(self):
        self.check(Botocore(self.world.aws))

    @unittest.skipIf(why_no_cli(), why_no_cli())
    def test_the_aws_cli_agrees(self):
        self.check(Cli(self.world.aws))


if __name__ == "__main__":
    unittest.main()
