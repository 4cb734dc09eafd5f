"""The simulated CloudFormation as AWS's own Python client sees it, with the project's own templates."""

import json
import os
import unittest

from test_sim_botocore import ROOT, SPEED, Simulation, botocore, eventually

if botocore is not None:
    import botocore.exceptions

WAIT = {"Delay": 0.1, "MaxAttempts": 300}


def template(name):
    with open(os.path.join(ROOT, "cfn", name), encoding="utf-8") as file:
        return file.read()


def parameters(**values):
    return [{"ParameterKey": key, "ParameterValue": str(value)} for key, value in values.items()]


@unittest.skipIf(botocore is None, "python3-botocore is not installed")
class SimulatedCloudFormation(unittest.TestCase):
    def setUp(self):
        self.sim = Simulation("--speed", str(SPEED), "--seed", "7")
        self.cloudformation = self.sim.client("cloudformation")
        self.topic = "arn:aws:sns:us-east-1:000000000000:kinescale"

    def tearDown(self):
        code, errors = self.sim.stop()
        self.assertEqual(code, 0, errors)

    def wait(self, what, **arguments):
        self.cloudformation.get_waiter(what).wait(WaiterConfig=WAIT, **arguments)

    def refused(self, call, **arguments):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            call(**arguments)
        return caught.exception.response["Error"]["Code"], caught.exception.response["Error"]["Message"]

    def make_stream_stack(self, **values):
        self.cloudformation.create_stack(
            StackName="kinescale-orders", TemplateBody=template("stream.yaml"), Tags=[{"Key": "a", "Value": "b"}],
            Parameters=parameters(StreamName="orders", TopicArn=self.topic, **values))
        self.wait("stack_create_complete", StackName="kinescale-orders")
        return self.stack()

    def stack(self):
        return self.cloudformation.describe_stacks(StackName="kinescale-orders")["Stacks"][0]

    def change(self, name, **values):
        """A change set, ready or failed."""
        self.cloudformation.create_change_set(
            StackName="kinescale-orders", ChangeSetName=name, UsePreviousTemplate=True,
            Parameters=parameters(StreamName="orders", TopicArn=self.topic, **values))
        return eventually(lambda: [
            c for c in [self.cloudformation.describe_change_set(StackName="kinescale-orders", ChangeSetName=name)]
            if c["Status"] in ("CREATE_COMPLETE", "FAILED")])[0]

    def test_a_template_is_valid(self):
        answer = self.cloudformation.validate_template(TemplateBody=template("service.yaml"))
        self.assertEqual(answer["Capabilities"], ["CAPABILITY_IAM"])
        self.assertIn("[AWS::IAM::ManagedPolicy]", answer["CapabilitiesReason"])
        self.assertIn(("TopicName", "kinescale"),
                      [(p["ParameterKey"], p.get("DefaultValue")) for p in answer["Parameters"]])
        self.assertEqual(self.refused(self.cloudformation.validate_template, TemplateBody="Resources: {}"),
                         ("ValidationError", "Template format error: At least one Resources member must be defined."))

    def test_the_service_is_made_and_deleted(self):
        service = {"StackName": "kinescale", "TemplateBody": template("service.yaml"), "Parameters": parameters(
            StreamArns="arn:aws:kinesis:us-east-1:000000000000:stream/*",
            AlarmArns="arn:aws:cloudwatch:us-east-1:000000000000:alarm:kinescale-*")}
        self.assertEqual(self.refused(self.cloudformation.create_stack, **service),
                         ("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]"))
        self.cloudformation.create_stack(Capabilities=["CAPABILITY_IAM"], **service)
        self.wait("stack_create_complete", StackName="kinescale")
        stack = self.cloudformation.describe_stacks(StackName="kinescale")["Stacks"][0]
        outputs = {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}
        self.assertEqual(outputs["TopicArn"], self.topic)
        policy = json.loads(self.sim.client("sns").get_topic_attributes(TopicArn=self.topic)["Attributes"]["Policy"])
        self.assertEqual(policy["Statement"][0]["Condition"]["StringEquals"], {"aws:SourceAccount": "000000000000"})
        types = {r["ResourceType"] for r in self.cloudformation.get_paginator("list_stack_resources").paginate(
            StackName="kinescale").search("StackResourceSummaries")}
        self.assertEqual(types, {"AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "AWS::SQS::Queue", "AWS::SQS::QueuePolicy",
                                 "AWS::IAM::ManagedPolicy"})
        self.cloudformation.delete_stack(StackName="kinescale")
        self.wait("stack_delete_complete", StackName=stack["StackId"])
        self.assertEqual(self.cloudformation.describe_stacks(StackName=stack["StackId"])["Stacks"][0]["StackStatus"],
                         "DELETE_COMPLETE")
        self.assertEqual(self.refused(self.sim.client("sns").get_topic_attributes, TopicArn=self.topic)[0], "NotFound")

    def test_a_stream_is_made_scaled_and_scaled_back_by_a_careless_update(self):
        stack = self.make_stream_stack(ShardCount=2)
        self.assertEqual(stack["Tags"], [{"Key": "a", "Value": "b"}])
        kinesis = self.sim.client("kinesis")
        kinesis.update_shard_count(StreamName="orders", TargetShardCount=4, ScalingType="UNIFORM_SCALING")

        def shards():
            summary = kinesis.describe_stream_summary(StreamName="orders")["StreamDescriptionSummary"]
            return summary["StreamStatus"] == "ACTIVE" and summary["OpenShardCount"]

        eventually(lambda: shards() == 4)
        same = self.change("same", ShardCount=2)
        self.assertEqual((same["Status"], same["ExecutionStatus"]), ("FAILED", "UNAVAILABLE"))
        self.assertIn("didn't contain changes", same["StatusReason"])
        changes = self.change("careless", ShardCount=3, BytesThreshold=5)["Changes"]
        self.assertEqual([(c["ResourceChange"]["LogicalResourceId"], c["ResourceChange"]["Action"],
                           c["ResourceChange"]["Replacement"],
                           [d["Target"]["Name"] for d in c["ResourceChange"]["Details"]]) for c in changes],
                         [("Stream", "Modify", "False", ["ShardCount"]),
                          ("IncomingBytes", "Modify", "False", ["Threshold"])])
        self.cloudformation.execute_change_set(StackName="kinescale-orders", ChangeSetName="careless")
        self.wait("stack_update_complete", StackName="kinescale-orders")
        self.assertEqual(shards(), 3)
        self.assertIn("LastUpdatedTime", self.stack())
        self.assertEqual(self.refused(self.cloudformation.update_stack, StackName="kinescale-orders",
                                      UsePreviousTemplate=True, Parameters=parameters(
                                          StreamName="orders", TopicArn=self.topic, ShardCount=3, BytesThreshold=5)),
                         ("ValidationError", "No updates are to be performed."))
        self.assertEqual(self.cloudformation.get_template(StackName="kinescale-orders")["TemplateBody"],
                         template("stream.yaml"))

    def test_a_stream_outlives_its_stack_and_stands_in_the_way_of_the_next(self):
        first = self.make_stream_stack()["StackId"]
        self.cloudformation.delete_stack(StackName="kinescale-orders")
        self.wait("stack_delete_complete", StackName=first)
        self.cloudformation.create_stack(
            StackName="kinescale-orders", TemplateBody=template("stream.yaml"),
            Parameters=parameters(StreamName="orders", TopicArn=self.topic))
        with self.assertRaises(botocore.exceptions.WaiterError):
            self.wait("stack_create_complete", StackName="kinescale-orders")
        eventually(lambda: self.stack()["StackStatus"] == "ROLLBACK_COMPLETE")
        events = list(self.cloudformation.get_paginator("describe_stack_events").paginate(
            StackName="kinescale-orders").search("StackEvents"))
        failed = [e for e in events if e["ResourceStatus"] == "CREATE_FAILED" and e["LogicalResourceId"] == "Stream"]
        self.assertIn("Stream orders under account 000000000000 already exists", failed[0]["ResourceStatusReason"])
        self.assertEqual(json.loads(failed[0]["ResourceProperties"])["Name"], "orders")
        self.assertEqual([e["Timestamp"] for e in events], sorted((e["Timestamp"] for e in events), reverse=True))
        code, message = self.refused(self.cloudformation.update_stack, StackName="kinescale-orders",
                                     UsePreviousTemplate=True)
        self.assertEqual(code, "ValidationError")
        self.assertIn("is in ROLLBACK_COMPLETE state and can not be updated.", message)

    def test_what_there_is_not_has_its_code(self):
        cloudformation = self.cloudformation
        self.assertEqual(self.refused(cloudformation.describe_stacks, StackName="none"),
                         ("ValidationError", "Stack with id none does not exist"))
        self.make_stream_stack()
        self.assertEqual(self.refused(cloudformation.create_stack, StackName="kinescale-orders",
                                      TemplateBody=template("stream.yaml")),
                         ("AlreadyExistsException", "Stack [kinescale-orders] already exists"))
        with self.assertRaises(cloudformation.exceptions.ChangeSetNotFoundException):
            cloudformation.execute_change_set(StackName="kinescale-orders", ChangeSetName="none")
        wrong = self.sim.client("cloudformation", aws_secret_access_key="wrong")
        self.assertEqual(self.refused(wrong.describe_stacks)[0], "SignatureDoesNotMatch")
        state = json.loads(self.sim.get("/sim/state"))["stacks"]
        self.assertEqual([(s["name"], s["status"]) for s in state], [("kinescale-orders", "CREATE_COMPLETE")])


if __name__ == "__main__":
    unittest.main()
