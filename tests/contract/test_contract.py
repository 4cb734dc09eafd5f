"""Every request of a whole run, held against AWS's own models of its services, and its signature verified.

The checker, ../shared/tools/aws_contract.py, stands between the program and the simulated AWS.  It is no part of
this project: where it is not at hand, nothing is checked.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import kinescale  # noqa: E402

try:
    import botocore
except ImportError:
    botocore = None

CHECKER = os.path.join(kinescale.ROOT, "..", "shared", "tools", "aws_contract.py")

SCENE = """topic kinescale signature=2
stream orders shards=2
stream clicks shards=4
stream audit shards=2 metrics=shard
stream bills shards=2
stream single shards=4
alarms orders topic=kinescale
alarms clicks topic=kinescale
traffic orders load=constant:1.7M record=2048
traffic clicks load=constant:3.4M record=2048
traffic audit load=constant:1.7M record=2048 keys=zipf:0.5:1000
traffic single load=constant:2.2M record=2048 keys=slice:0.5:1:4
"""
STREAMS = {"orders": {"resharding": "split"}, "clicks": {"resharding": "update-shard-count"},
           "audit": {"resharding": "auto"}, "single": {"alarm_level": "shard"}}
SECTIONS = ["orders", "clicks", "aud*", "bills", "single"]  # one of them is a pattern

# What the program asks of AWS in the course of it; a run that does without has checked too little.
ASKED = {
    "kinesis": {"DescribeStreamSummary", "ListShards", "ListStreams", "SplitShard", "MergeShards", "UpdateShardCount",
                "DescribeLimits", "EnableEnhancedMonitoring"},
    "cloudwatch": {"DescribeAlarms", "DescribeAlarmsForMetric", "GetMetricData", "PutMetricAlarm", "SetAlarmState",
                   "DeleteAlarms"},
    "sns": {"ConfirmSubscription"},
}


def why_missing():
    if not os.path.exists(CHECKER):
        return "there is no ../shared/tools/aws_contract.py"
    if botocore is None:
        return "python3-botocore is not installed"
    return None


class Checker(contextlib.AbstractContextManager):
    """The checker as a process, and what it found."""

    def __init__(self, port, upstream, keys, folder):
        self.log_path = os.path.join(folder, "contract.jsonl")
        with open(os.path.join(folder, "contract.out"), "wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, CHECKER, str(port), upstream, self.log_path, "--key", "=".join(keys)],
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=kinescale.clean_environment())
        self.url = f"http://127.0.0.1:{port}"
        try:
            kinescale.eventually(lambda: self.listens(port), what="the checker does not listen")
        except BaseException:
            self.__exit__()
            raise

    def listens(self, port):
        with socket.socket() as probe:
            return self.process.poll() is None and probe.connect_ex(("127.0.0.1", port)) == 0

    def checked(self):
        with open(self.log_path, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


@unittest.skipIf(why_missing(), why_missing())
class Contract(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        port = kinescale.free_port()
        self.world = self.enterContext(kinescale.World(
            SECTIONS, SCENE, speed=60, options=("--public-url", f"http://127.0.0.1:{port}"),
            per_stream={**STREAMS, "aud*": STREAMS["audit"]}, defaults={"max_shards": 64}))
        aws = self.world.aws
        self.checker = self.enterContext(Checker(port, aws.url, aws.keys, self.world.folder))
        aws.settings["AWS_ENDPOINT_URL"] = self.checker.url  # for the program; the test goes past it

    def put_composite(self):
        """The alarms of `audit` tell nobody; one above them tells us."""
        aws = self.world.aws
        for metric in ("IncomingBytes", "IncomingRecords"):
            aws.cloudwatch("PutMetricAlarm", AlarmName=f"audit {metric}", Namespace="AWS/Kinesis", MetricName=metric,
                           Dimensions=[{"Name": "StreamName", "Value": "audit"}], Statistic="Sum", Period=60,
                           EvaluationPeriods=1, ComparisonOperator="GreaterThanOrEqualToThreshold",
                           Threshold=kinescale.expected_threshold(metric, 60, aws.shards("audit")),
                           TreatMissingData="notBreaching")
        aws.cloudwatch("PutCompositeAlarm", AlarmName="audit, any", AlarmActions=[aws.topic_arn()],
                       AlarmRule='ALARM("audit IncomingBytes") OR ALARM("audit IncomingRecords")')

    def problems(self, checked):
        """The one request without a signature is for the certificate of SNS, which is no AWS operation."""
        return [line for line in checked if line["service"] is not None and
                (line["problems"] or line["upstream_status"] != 200)]

    def test_a_whole_run(self):
        self.put_composite()
        daemon = self.world.daemon()
        for stream in STREAMS:
            # That on shards begins by making its alarms.
            actions = kinescale.eventually(lambda stream=stream: [
                action for action in daemon.stream(stream)["actions"]
                if action["kind"] == "scale-up" and action["ended"]], what=lambda: daemon.log)
            self.assertEqual(actions[-1]["failure"], "", stream)
        merged = kinescale.run("scale", "bills", "--to", "1", "--config", self.world.config(name="by-hand.conf"),
                               "--clock", self.world.clock, environment=self.world.environment())
        self.assertEqual(merged.returncode, 0, merged.stderr)
        daemon.stop()
        checked = self.checker.checked()
        self.assertEqual(self.problems(checked), [])
        unsigned = [line for line in checked if line["service"] is None]
        self.assertEqual([line["upstream_status"] for line in unsigned], [200], "the certificate, fetched once")
        asked = {service: {line["op"] for line in checked if line["service"] == service} for service in ASKED}
        self.assertEqual(asked, ASKED)

    def test_the_plan_of_a_role(self):
        """`plan` is the other command that asks AWS; here with the keys of a role, which STS gives out."""
        aws = self.world.aws
        account = self.world.write(
            "aws.conf", "[profile scaler]\nrole_arn = arn:aws:iam::000000000000:role/scaler\nsource_profile = base\n"
            "external_id = third=party\nrole_session_name = kinescale\n"
            f"[profile base]\naws_access_key_id = {aws.keys[0]}\naws_secret_access_key = {aws.keys[1]}\n")
        result = kinescale.run(
            "plan", "--config", self.world.config(profile="scaler"), "--clock", self.world.clock, "--output", "json",
            environment={"AWS_ENDPOINT_URL": self.checker.url, "AWS_CONFIG_FILE": account})
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual([plan["stream"] for plan in json.loads(result.stdout)], ["orders", "clicks", "bills", "single", "audit"])
        checked = self.checker.checked()
        self.assertEqual(self.problems(checked), [])
        self.assertEqual([(line["service"], line["op"]) for line in checked][0], ("sts", "AssumeRole"))
        self.assertLessEqual({line["op"] for line in checked}, {
            "AssumeRole", "DescribeStreamSummary", "ListShards", "ListStreams", "DescribeLimits", "GetMetricData"})

    def test_provisioning(self):
        """From streams that are there to their alarms, and on to an update; what is not there is asked for too."""
        world = self.world
        defaults = {"public_url": "https://scaling.example.com/sns"}
        for period, result in (("60s", "made"), ("300s", "updated"), ("300s", "unchanged")):
            world.per_stream["bills"] = {"alarm_period": period, "cooldown": "10m"}
            said = kinescale.run("provision", "bills", "--config", world.config(name="provision.conf", **defaults),
                                 "--clock", world.clock, "--output", "json", environment=world.environment())
            self.assertEqual(said.returncode, 0, said.stderr)
            self.assertEqual({row["stream"]: row["result"] for row in json.loads(said.stdout)}["bills"], result)
        checked = self.checker.checked()
        self.assertEqual([line for line in checked if line["problems"]], [])
        self.assertEqual({line["op"] for line in checked if line["upstream_status"] != 200}, {"DescribeStacks"})
        self.assertEqual({line["op"] for line in checked if line["service"] == "cloudformation"}, {
            "CreateChangeSet", "CreateStack", "DescribeChangeSet", "DescribeStackEvents", "DescribeStacks",
            "ExecuteChangeSet", "GetTemplate"})
        self.assertLessEqual({"GetCallerIdentity", "GetTopicAttributes", "ListSubscriptionsByTopic"},
                             {line["op"] for line in checked})


if __name__ == "__main__":
    unittest.main()
