"""The templates in cfn/ have no unknown property, reference or action, and give the rights that are needed: no more."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
PROGRAM = os.path.abspath(os.environ.get("KINESCALE", os.path.join(ROOT, "build/release/kinescale")))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

import rights
from emulators import MODULES, why_missing

try:
    import template_lint
except ImportError as error:
    template_lint, MISSING = None, f"{error.name} is not at hand"
else:
    MISSING = why_missing() or (None if os.path.exists(template_lint.DATABASE) else "run tools/bootstrap test")


def read(name):
    with open(os.path.join(ROOT, "cfn", f"{name}.yaml"), encoding="utf-8") as file:
        return file.read()


TEMPLATES = ("service", "stream")

# What CloudFormation calls in the caller's name for stacks of streams: the permissions of its resource types, as far
# as our properties make it use them.
FOR_CLOUDFORMATION = {
    "cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm", "kinesis:CreateStream",
    "kinesis:DescribeStreamSummary", "kinesis:DisableEnhancedMonitoring", "kinesis:EnableEnhancedMonitoring",
    "kinesis:ListTagsForStream", "kinesis:UpdateShardCount",
}
# AWS knows no narrower resource for these ("Actions, resources, and condition keys" of each service).
ON_EVERYTHING = {"cloudwatch:DescribeAlarms", "cloudwatch:DescribeAlarmsForMetric", "cloudwatch:GetMetricData",
                 "kinesis:DescribeLimits", "kinesis:ListStreams"}

# (template, a text that is there, what it becomes, words of the fault that must be found)
MUTATIONS = (
    ("stream", "ShardCount: !Ref ShardCount", "ShardCounts: !Ref ShardCount", "no property 'ShardCounts'"),
    ("stream", "Type: AWS::Kinesis::Stream", "Type: AWS::Kinesis::Streams", "type AWS::Kinesis::Streams is unknown"),
    ("stream", "StreamMode: PROVISIONED", "StreamMode: FIXED", "none of"),
    ("stream", "StreamMode: PROVISIONED", "Mode: PROVISIONED", "no property 'Mode'"),
    ("stream", "ShardCount: !Ref ShardCount", "ShardCount: !Ref StreamName", "is no number"),
    ("stream", "ShardCount: !Ref ShardCount", "ShardCount: four", "is no integer"),
    ("stream", "!Ref BytesThreshold", "!Ref ByteThreshold", "no 'ByteThreshold'"),
    ("stream", "Threshold: !Ref BytesThreshold", "Threshold: 1", "BytesThreshold: is declared and never used"),
    ("stream", "${StreamName}-IncomingBytes", "${Stream_}-IncomingBytes", "no 'Stream_'"),
    ("stream", "Condition: HasBytesAlarm", "Condition: HasByteAlarm", "no condition 'HasByteAlarm'"),
    ("stream", "- HasShardLevelMetrics", "- HasMetrics", "Fn::If takes a condition"),
    ("stream", "EvaluationPeriods: 1", "EvaluationPeriods: often", "is no integer"),
    ("stream", "- !Ref TopicArn", "- [!Ref TopicArn]", "is no text"),
    ("stream", "AlarmActions:\n        - !Ref TopicArn", "AlarmActions: !Ref TopicArn", "is no list"),
    ("stream", "DeletionPolicy: Retain", "DeletionPolicy: Keep", "DeletionPolicy is Keep"),
    ("stream", "Default: \"true\"", "Default: true", "quote it"),
    ("stream", "Default: \"true\"", "Default: \"yes\"", "its default 'yes' is not allowed"),
    ("stream", "        - Name: StreamName\n", "        - Nam: StreamName\n", "'Name' is missing"),
    ("stream", "!Equals [!Ref MakeStream", "!Equal [!Ref MakeStream", "Fn::Equal is not one of ours"),
    ("stream", "Conditions:\n", "Condition:\n", "'Condition' is unknown"),
    ("stream", "Period: !Ref AlarmPeriod", "Period: !Ref AlarmPeriod\n      Period: 60", "stands twice"),
    ("service", "!GetAtt DeadLetters.Arn", "!GetAtt DeadLetters.ARN", "no attribute 'ARN'"),
    ("service", "!GetAtt DeadLetters.Arn", "!GetAtt Letters.Arn", "no 'Letters'"),
    ("service", "DependsOn: DeadLettersPolicy", "DependsOn: Nothing", "depends on 'Nothing'"),
    ("service", "sns:Publish", "sns:Publishes", "no action 'sns:Publishes'"),
    ("service", "kinesis:SplitShard", "kinesis:SplitShards", "no action 'kinesis:SplitShards'"),
    ("service", "sqs:SendMessage", "sqss:SendMessage", "no action 'sqss:SendMessage'"),
    ("service", "aws:SourceAccount", "aws:SourceAcount", "'aws:SourceAcount' is unknown"),
    ("service", "ArnEquals:", "ArnEqual:", "condition operator 'ArnEqual'"),
    ("service", "      Protocol: !Ref Protocol\n", "", "'Protocol' is missing"),
    ("service", "SqsManagedSseEnabled: true", "SqsManagedSseEnabled: 1", "is no boolean"),
    ("service", "MessageRetentionPeriod: 1209600", "MessageRetentionPeriod: long", "is no integer"),
    ("service", "Version: \"2012-10-17\"", "Version: \"2012-10-16\"", "version is not 2012-10-17"),
    ("service", "Effect: Allow", "Effect: Permit", "effect Permit"),
    ("service", "TopicName: !Ref TopicName", "TopicName: !Ref StreamArns", "is a list"),
    ("service", "${AWS::Partition}", "${AWS::Part}", "no 'AWS::Part'"),
)

# (a text of service.yaml that is there, what it becomes): each must be noticed by the test of rights.
RIGHTS_MUTATIONS = (
    ("              - kinesis:SplitShard\n", ""),
    ("              - kinesis:SplitShard\n", "              - kinesis:SplitShard\n              - kinesis:PutRecord\n"),
    ("            Action: sns:ConfirmSubscription\n", "            Action: sns:Subscribe\n"),
    ("              - cloudwatch:SetAlarmState\n            Resource: !Ref AlarmArns\n",
     "              - cloudwatch:SetAlarmState\n            Resource: \"*\"\n"),
    ("              - kinesis:UpdateShardCount\n            Resource: !Ref StreamArns\n",
     "              - kinesis:UpdateShardCount\n            Resource: \"*\"\n"),
    ("              - cloudformation:GetTemplate\n", ""),
    ("              - cloudformation:GetTemplate\n",
     "              - cloudformation:GetTemplate\n              - cloudformation:UpdateStack\n"),
    ("              - kinesis:CreateStream\n", "              - kinesis:CreateStream\n              - kinesis:DeleteStream\n"),
)


def rights_of(text):
    """What is wrong with the rights that the service's template gives."""
    template = template_lint.load(text)
    wanted = {"RunPolicy": rights.called_by_the_daemon(),
              "ProvisionPolicy": rights.called_by_provision() | FOR_CLOUDFORMATION}
    faults = []
    for resource, actions in wanted.items():
        allowed = template_lint.allowed_by(template, resource)
        faults += [f"{resource} lacks {name}" for name in sorted(actions - set(allowed))]
        faults += [f"{resource} allows {name}" for name in sorted(set(allowed) - actions)]
        for name, places in allowed.items():
            if ("*" in places) != (name in ON_EVERYTHING):
                faults.append(f"{resource} allows {name} on {places}")
    return faults


def mutated(text, old, new):
    assert old in text, old
    return text.replace(old, new)


@unittest.skipIf(MISSING, MISSING)
class Templates(unittest.TestCase):
    maxDiff = None

    def test_templates_have_no_fault(self):
        for name in TEMPLATES:
            with self.subTest(template=name):
                self.assertEqual(template_lint.lint(read(name)), [])

    def test_every_mutation_of_a_template_is_a_fault(self):
        for name, old, new, words in MUTATIONS:
            with self.subTest(template=name, old=old, new=new):
                faults = template_lint.lint(mutated(read(name), old, new))
                self.assertTrue(any(words in fault for fault in faults), faults)

    def test_the_linter_of_others_finds_nothing_that_is_not_newer_than_it(self):
        resources, _ = template_lint.registry()
        for name in TEMPLATES:
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "template.yaml")
                with open(path, "w", encoding="utf-8") as file:
                    file.write(read(name))
                said = self.ask_others(path)
                newer = re.findall(r"^Message: (\w+) is not a valid property of (AWS::\S+)$", said, re.M)
                for prop, kind in newer:
                    self.assertIn(prop, resources[kind]["properties"])
                self.assertEqual(len(newer), int(re.search(r"(\d+) crit", said).group(1)), said)
                self.assertIn("\n0 warn\n", "\n" + said)
                # It does find what is wrong.
                with open(path, "a", encoding="utf-8") as file:
                    file.write("  Wrong:\n    Value: !Ref Nothing\n" if name == "service" else
                               "\n  Wrong:\n    Type: AWS::Kinesis::Nothing\n")
                self.assertGreater(int(re.search(r"(\d+) crit", self.ask_others(path)).group(1)), len(newer))

    def ask_others(self, path):
        result = subprocess.run([shutil.which("node"), os.path.join(MODULES, ".bin", "cfn-lint"), "validate", path],
                                capture_output=True, text=True, timeout=120)
        return re.sub(r"\x1b\[\d+m", "", result.stdout)

    def test_the_policies_allow_what_is_called_and_no_more(self):
        self.assertEqual(rights_of(read("service")), [])

    def test_every_mutation_of_the_rights_is_noticed(self):
        for old, new in RIGHTS_MUTATIONS:
            with self.subTest(old=old, new=new):
                self.assertNotEqual(rights_of(mutated(read("service"), old, new)), [])

    def test_every_operation_that_is_called_has_a_quota_and_the_other_way_round(self):
        self.assertEqual({name.partition(":")[2] for name in rights.called()}, rights.named())

    def test_a_stream_outlives_its_stack_and_its_replacement(self):
        stream = template_lint.load(read("stream"))["Resources"]["Stream"]
        self.assertEqual((stream["DeletionPolicy"], stream["UpdateReplacePolicy"]), ("Retain", "Retain"))

    def test_alarms_are_such_as_the_daemon_moves_and_resets(self):
        resources = template_lint.load(read("stream"))["Resources"]
        alarms = {name: row["Properties"] for name, row in resources.items() if row["Type"] == "AWS::CloudWatch::Alarm"}
        self.assertEqual(set(alarms), {"IncomingBytes", "IncomingRecords", "WriteProvisionedThroughputExceeded"})
        for name, alarm in alarms.items():
            self.assertEqual((alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]), ("AWS/Kinesis", name, "Sum"))
            self.assertEqual(alarm["ComparisonOperator"], "GreaterThanThreshold")
            self.assertEqual(alarm["Dimensions"], [{"Name": "StreamName", "Value": {"Ref": "StreamName"}}])
            self.assertEqual(alarm["AlarmActions"], [{"Ref": "TopicArn"}])
            # The reset itself must tell nobody.
            self.assertNotIn("OKActions", alarm)

    def test_nobody_but_the_alarms_of_the_account_may_publish(self):
        policy = template_lint.load(read("service"))["Resources"]["TopicPolicy"]["Properties"]["PolicyDocument"]
        (statement,) = policy["Statement"]
        self.assertEqual(statement["Principal"], {"Service": "cloudwatch.amazonaws.com"})
        self.assertEqual(set(statement["Condition"]), {"StringEquals", "ArnLike"})

    def test_templates_of_the_program_are_those_of_the_folder(self):
        for name in TEMPLATES:
            said = subprocess.run([PROGRAM, "provision", "--print-template", name], capture_output=True, text=True,
                                  timeout=60)
            self.assertEqual((said.returncode, said.stdout, said.stderr), (0, read(name), ""))
        wrong = subprocess.run([PROGRAM, "provision", "--print-template", "all"], capture_output=True, text=True,
                               timeout=60)
        self.assertEqual((wrong.returncode, wrong.stdout), (2, ""))


if __name__ == "__main__":
    unittest.main()
