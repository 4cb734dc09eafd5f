"""The simulated AWS as AWS's own Python client sees it: botocore signs, serialises and parses.

Debian's botocore speaks Query to CloudWatch, so this covers XML; the program itself speaks JSON.
"""

import http.server
import json
import os
import re
import signal
import subprocess
import threading
import time
import unittest
import urllib.request

try:
    import botocore.exceptions
    import botocore.session
    from botocore.config import Config
except ImportError:
    botocore = None

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PROGRAM = os.path.abspath(os.environ.get("KINESCALE", os.path.join(ROOT, "build/release/kinescale")))
SPEED = 200  # a simulated minute in 0.3 s
HALF = str(2**127)


class Simulation:
    """`kinescale sim-aws` as a process."""

    def __init__(self, *options):
        self.process = subprocess.Popen(
            [PROGRAM, "sim-aws", "--listen", "127.0.0.1:0", *options], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        said = ""
        while "serve --clock" not in said:
            line = self.process.stdout.readline()
            if line == "":
                raise AssertionError("sim-aws ended: " + self.process.stderr.read())
            said += line
        self.settings = dict(re.findall(r"^export (\w+)='?([^'\n]*)'?$", said, re.M))
        self.url = self.settings["AWS_ENDPOINT_URL"]
        self.clients = []

    def client(self, service, **changes):
        settings = {
            "aws_access_key_id": self.settings["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": self.settings["AWS_SECRET_ACCESS_KEY"],
            "region_name": self.settings["AWS_REGION"], **changes}
        client = botocore.session.Session().create_client(
            service, endpoint_url=self.url, config=Config(retries={"total_max_attempts": 1}), **settings)
        self.clients.append(client)
        return client

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return answer.read().decode()

    def stop(self):
        for client in self.clients:
            client.close()
        self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=20)
        return self.process.returncode, errors


class Endpoint(http.server.BaseHTTPRequestHandler):
    """Keeps what SNS posts."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.messages.append((dict(self.headers), json.loads(body)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def eventually(question, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = question()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError("it never came to be")


@unittest.skipIf(botocore is None, "python3-botocore is not installed")
class SimulatedAws(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sim = Simulation("--speed", str(SPEED), "--seed", "7")

    @classmethod
    def tearDownClass(cls):
        code, errors = cls.sim.stop()
        assert code == 0, errors

    def refused(self, code, call, **arguments):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            call(**arguments)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)
        return caught.exception.response["Error"].get("Message", "")

    def stream(self, name, shards):
        kinesis = self.sim.client("kinesis")
        kinesis.create_stream(StreamName=name, ShardCount=shards)
        self.active(kinesis, name)
        return kinesis

    def active(self, kinesis, name):
        return eventually(lambda: [
            s for s in [kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]]
            if s["StreamStatus"] == "ACTIVE"])[0]

    def open_shards(self, kinesis, name):
        """Their ids by range; they must cover the key space."""
        shards = kinesis.list_shards(StreamName=name, ShardFilter={"Type": "AT_LATEST"})["Shards"]
        ranges = sorted((int(s["HashKeyRange"]["StartingHashKey"]), int(s["HashKeyRange"]["EndingHashKey"]),
                         s["ShardId"]) for s in shards)
        self.assertEqual((ranges[0][0], ranges[-1][1]), (0, 2**128 - 1))
        for (_, end, _), (start, _, _) in zip(ranges, ranges[1:]):
            self.assertEqual(end + 1, start)
        return [shard for _, _, shard in ranges]

    def test_a_stream_is_split_merged_and_updated(self):
        kinesis = self.stream("reshaped", 1)
        kinesis.split_shard(StreamName="reshaped", ShardToSplit="shardId-000000000000", NewStartingHashKey=HALF)
        self.refused("ResourceInUseException", kinesis.split_shard, StreamName="reshaped",
                     ShardToSplit="shardId-000000000000", NewStartingHashKey="2")
        self.active(kinesis, "reshaped")
        self.assertEqual(self.open_shards(kinesis, "reshaped"), ["shardId-000000000001", "shardId-000000000002"])
        kinesis.merge_shards(StreamName="reshaped", ShardToMerge="shardId-000000000001",
                             AdjacentShardToMerge="shardId-000000000002")
        self.active(kinesis, "reshaped")
        self.assertEqual(self.open_shards(kinesis, "reshaped"), ["shardId-000000000003"])
        answer = kinesis.update_shard_count(StreamName="reshaped", TargetShardCount=2, ScalingType="UNIFORM_SCALING")
        self.assertEqual((answer["CurrentShardCount"], answer["TargetShardCount"]), (1, 2))
        self.assertEqual(self.active(kinesis, "reshaped")["OpenShardCount"], 2)
        self.assertIn("cannot scale up over double", self.refused(
            "LimitExceededException", kinesis.update_shard_count, StreamName="reshaped", TargetShardCount=5,
            ScalingType="UNIFORM_SCALING"))
        description = kinesis.describe_stream(StreamName="reshaped")["StreamDescription"]
        self.assertFalse(description["HasMoreShards"])
        self.assertGreaterEqual(len(description["Shards"]), 5)
        self.assertIn("reshaped", kinesis.list_streams()["StreamNames"])
        self.assertEqual(kinesis.describe_limits()["ShardLimit"], 500)

    def test_shard_metrics_are_switched_and_streams_deleted(self):
        kinesis = self.stream("measured", 1)
        answer = kinesis.enable_enhanced_monitoring(StreamName="measured", ShardLevelMetrics=["IncomingBytes"])
        self.assertEqual(answer["DesiredShardLevelMetrics"], ["IncomingBytes"])
        self.active(kinesis, "measured")
        answer = kinesis.disable_enhanced_monitoring(StreamName="measured", ShardLevelMetrics=["ALL"])
        self.assertEqual(answer["CurrentShardLevelMetrics"], ["IncomingBytes"])
        self.active(kinesis, "measured")
        kinesis.delete_stream(StreamName="measured")
        eventually(lambda: "measured" not in kinesis.list_streams()["StreamNames"])
        self.assertEqual(self.refused("ResourceNotFoundException", kinesis.describe_stream_summary,
                                      StreamName="measured"),
                         "Stream measured under account 000000000000 not found.")

    def test_all_pages_of_a_listing_come(self):
        kinesis = self.stream("paged", 7)
        pages = [kinesis.list_shards(StreamName="paged", MaxResults=3)]
        while "NextToken" in pages[-1]:
            pages.append(kinesis.list_shards(NextToken=pages[-1]["NextToken"], MaxResults=3))
        self.assertEqual([len(page["Shards"]) for page in pages], [3, 3, 1])
        self.assertEqual(len({s["ShardId"] for page in pages for s in page["Shards"]}), 7)

    def test_load_becomes_metrics_and_an_alarm_becomes_a_message(self):
        endpoint = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
        endpoint.messages = []
        threading.Thread(target=endpoint.serve_forever, daemon=True).start()
        self.addCleanup(endpoint.server_close)
        self.addCleanup(endpoint.shutdown)
        self.stream("loaded", 1)
        sns = self.sim.client("sns")
        topic = sns.create_topic(Name="alarms", Attributes={"SignatureVersion": "2"})["TopicArn"]
        url = f"http://127.0.0.1:{endpoint.server_port}/sns"
        self.assertEqual(sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=url)["SubscriptionArn"],
                         "pending confirmation")
        _, confirmation = eventually(lambda: endpoint.messages)[0]
        self.assertEqual(confirmation["Type"], "SubscriptionConfirmation")
        arn = sns.confirm_subscription(TopicArn=topic, Token=confirmation["Token"],
                                       AuthenticateOnUnsubscribe="true")["SubscriptionArn"]
        self.assertEqual(sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"], [
            {"SubscriptionArn": arn, "Owner": "000000000000", "Protocol": "http", "Endpoint": url,
             "TopicArn": topic}])
        self.assertEqual(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["SubscriptionsConfirmed"], "1")
        self.alarm_fires(endpoint, topic, arn)
        sns.unsubscribe(SubscriptionArn=arn)
        self.assertEqual(sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"], [])

    def alarm_fires(self, endpoint, topic, subscription):
        cloudwatch = self.sim.client("cloudwatch")
        name = "loaded <hot> & wide"
        dimensions = [{"Name": "StreamName", "Value": "loaded"}]
        cloudwatch.put_metric_alarm(
            AlarmName=name, AlarmDescription="a description", Namespace="AWS/Kinesis", MetricName="IncomingBytes",
            Dimensions=dimensions, Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1e6,
            ComparisonOperator="GreaterThanOrEqualToThreshold", TreatMissingData="notBreaching",
            AlarmActions=[topic], Tags=[{"Key": "a", "Value": "b"}])
        request = urllib.request.Request(self.sim.url + "/sim/traffic/loaded", method="PUT",
                                         data=b"load=constant:500k&record_bytes=1000&keys=uniform")
        with urllib.request.urlopen(request, timeout=10) as answer:
            self.assertEqual(answer.read(), b"ok\n")
        headers, message = eventually(lambda: endpoint.messages[1:])[0]
        self.assertEqual(headers["x-amz-sns-message-type"], "Notification")
        self.assertEqual(headers["x-amz-sns-subscription-arn"], subscription)
        alarm = json.loads(message["Message"])
        self.assertEqual((alarm["AlarmName"], alarm["NewStateValue"]), (name, "ALARM"))
        self.assertEqual(alarm["Trigger"]["Dimensions"], [{"value": "loaded", "name": "StreamName"}])

        shown = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]
        self.assertEqual((shown["StateValue"], shown["Threshold"], shown["AlarmActions"], shown["Dimensions"]),
                         ("ALARM", 1e6, [topic], dimensions))
        self.assertEqual(shown["AlarmArn"], alarm["AlarmArn"])
        self.assertEqual(len(cloudwatch.describe_alarms_for_metric(
            Namespace="AWS/Kinesis", MetricName="IncomingBytes", Dimensions=dimensions)["MetricAlarms"]), 1)
        self.metrics_are_there(cloudwatch, dimensions, shown["StateUpdatedTimestamp"].timestamp())
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="a test")
        eventually(lambda: len(endpoint.messages) >= 3)  # it is still hot: the alarm fires again
        cloudwatch.delete_alarms(AlarmNames=[name])
        self.assertEqual(cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"], [])

    def metrics_are_there(self, cloudwatch, dimensions, now):
        full = 60 * 500 * 1024
        minute = int(now // 60) * 60
        query = {"Id": "bytes", "MetricStat": {
            "Metric": {"Namespace": "AWS/Kinesis", "MetricName": "IncomingBytes", "Dimensions": dimensions},
            "Period": 60, "Stat": "Sum"}}
        result = eventually(lambda: [
            r for r in cloudwatch.get_metric_data(
                MetricDataQueries=[query], StartTime=minute - 600, EndTime=minute + 3600)["MetricDataResults"]
            if full in [round(v) for v in r["Values"]]])[0]
        self.assertEqual(result["StatusCode"], "Complete")
        self.assertEqual(result["Timestamps"], sorted(result["Timestamps"], reverse=True))
        points = cloudwatch.get_metric_statistics(
            Namespace="AWS/Kinesis", MetricName="IncomingBytes", Dimensions=dimensions, StartTime=minute - 600,
            EndTime=minute + 3600, Period=60, Statistics=["Sum", "SampleCount"])["Datapoints"]
        self.assertIn(full, [round(p["Sum"]) for p in points])

    def test_alarms_answer_with_the_codes_of_query(self):
        cloudwatch = self.sim.client("cloudwatch")
        self.refused("ResourceNotFound", cloudwatch.set_alarm_state, AlarmName="none", StateValue="OK",
                     StateReason="r")
        self.assertIn("enum value set: [INSUFFICIENT_DATA, ALARM, OK]", self.refused(
            "ValidationError", cloudwatch.set_alarm_state, AlarmName="none", StateValue="BAD", StateReason="r"))

    def test_a_composite_alarm_and_own_metrics(self):
        cloudwatch = self.sim.client("cloudwatch")
        cloudwatch.put_metric_data(Namespace="own", MetricData=[
            {"MetricName": "m", "Value": 5.5, "Unit": "Count"},
            {"MetricName": "m", "StatisticValues": {"SampleCount": 2, "Sum": 3, "Minimum": 1, "Maximum": 2}}])
        cloudwatch.put_metric_alarm(AlarmName="own", Namespace="own", MetricName="m", Statistic="Maximum", Period=60,
                                    EvaluationPeriods=5, DatapointsToAlarm=1, Threshold=1,
                                    ComparisonOperator="GreaterThanThreshold")
        cloudwatch.put_composite_alarm(AlarmName="either", AlarmRule='ALARM("own")')
        eventually(lambda: [a for a in cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
                            if a["StateValue"] == "ALARM"])
        cloudwatch.delete_alarms(AlarmNames=["either"])
        cloudwatch.delete_alarms(AlarmNames=["own"])

    def test_wrong_keys_and_regions_are_refused(self):
        self.refused("InvalidSignatureException",
                     self.sim.client("kinesis", aws_secret_access_key="wrong").list_streams)
        self.refused("UnrecognizedClientException",
                     self.sim.client("kinesis", aws_access_key_id="AKIAWRONG").list_streams)
        self.refused("InvalidSignatureException", self.sim.client("kinesis", region_name="eu-west-1").list_streams)
        self.refused("SignatureDoesNotMatch",
                     self.sim.client("sts", aws_secret_access_key="wrong").get_caller_identity)
        self.refused("InvalidClientTokenId",
                     self.sim.client("cloudwatch", aws_access_key_id="AKIAWRONG").describe_alarms)

    def test_a_role_gives_keys_that_work(self):
        sts = self.sim.client("sts")
        self.assertEqual(sts.get_caller_identity()["Account"], "000000000000")
        role = {"RoleArn": "arn:aws:iam::123456789012:role/scaler", "RoleSessionName": "test"}
        for answer in (sts.assume_role(**role), sts.assume_role_with_web_identity(WebIdentityToken="a.b.c", **role)):
            keys = answer["Credentials"]
            session = {"aws_access_key_id": keys["AccessKeyId"], "aws_secret_access_key": keys["SecretAccessKey"]}
            self.sim.client("kinesis", aws_session_token=keys["SessionToken"], **session).list_streams()
            self.refused("UnrecognizedClientException", self.sim.client("kinesis", **session).list_streams)
            self.assertEqual(
                self.sim.client("sts", aws_session_token=keys["SessionToken"], **session).get_caller_identity()["Arn"],
                "arn:aws:sts::123456789012:assumed-role/scaler/test")

    def test_requests_can_be_looked_at(self):
        self.sim.client("kinesis").describe_limits()
        rows = [json.loads(line) for line in self.sim.get("/sim/requests").splitlines()]
        self.assertIn(("kinesis", "DescribeLimits", 200, ""),
                      [(r["service"], r["operation"], r["status"], r["error"]) for r in rows])
        self.assertIn("streams", json.loads(self.sim.get("/sim/state")))


@unittest.skipIf(botocore is None, "python3-botocore is not installed")
class Throttling(unittest.TestCase):
    def test_too_many_requests_a_second_are_throttled(self):
        sim = Simulation()
        client = sim.client("kinesis")
        codes = set()
        for _ in range(20):
            try:
                client.list_streams()
            except botocore.exceptions.ClientError as error:
                codes.add(error.response["Error"]["Code"])
        self.assertEqual(sim.stop()[0], 0)
        self.assertEqual(codes, {"LimitExceededException"})


if __name__ == "__main__":
    unittest.main()
