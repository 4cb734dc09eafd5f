"""Provisioning, as an operator does it: from nothing, beside a daemon, killed, twice, and with what is there."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from kinescale import (PROGRAM, World, check_partition, clean_environment, eventually,  # noqa: E402
                       expected_threshold, free_ports)

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))

# Of requests that change something.
DEEDS = ("CreateStack", "CreateChangeSet", "ExecuteChangeSet", "DeleteStack", "CreateStream", "UpdateShardCount",
         "PutMetricAlarm", "CreateTopic", "Subscribe")


class Provision(unittest.TestCase):
    maxDiff = None

    def world(self, streams, scene="", per_stream=None, **settings):
        front, admin = free_ports(2)
        world = World(streams, scene, speed=90, per_stream=per_stream,
                      settings={"listen": f"127.0.0.1:{front}", "admin_listen": f"127.0.0.1:{admin}",
                                "public_url": f"http://127.0.0.1:{front}/sns", **settings})
        self.addCleanup(world.abandon)
        world.ports = front, admin
        return world

    def command(self, world, *arguments, config=None):
        return [PROGRAM, "provision", "--config", config or world.config(*world.ports), "--clock", world.clock,
                *arguments]

    def provision(self, world, *arguments, code=0, **keywords):
        result = subprocess.run(self.command(world, *arguments, **keywords), capture_output=True, text=True,
                                env={**clean_environment(), **world.environment()}, timeout=120)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result

    def rows(self, world, *arguments, **keywords):
        """By stream; the service's under None."""
        said = json.loads(self.provision(world, "--output", "json", *arguments, **keywords).stdout)
        return {row["stream"]: row for row in said}

    def results(self, world, *arguments, **keywords):
        return {stream: row["result"] for stream, row in self.rows(world, *arguments, **keywords).items()}

    def deeds(self, world):
        return [row["operation"] for row in world.aws.requests() if row["operation"] in DEEDS]

    def daemon(self, world):
        return world.daemon(listen=f"127.0.0.1:{world.ports[0]}", admin_listen=f"127.0.0.1:{world.ports[1]}",
                            subscribe=False)

    def check(self, world, stream, count):
        """So many shards, and three alarms that fit them."""
        shards = world.aws.shards(stream)
        check_partition(shards)
        self.assertEqual(len(shards), count)
        alarms = {alarm["MetricName"]: alarm for alarm in world.aws.alarms(stream).values()}
        self.assertEqual(set(alarms), {"IncomingBytes", "IncomingRecords", "WriteProvisionedThroughputExceeded"})
        for metric in ("IncomingBytes", "IncomingRecords"):
            self.assertEqual(alarms[metric]["Threshold"], expected_threshold(metric, alarms[metric]["Period"], shards))
        for alarm in alarms.values():
            self.assertEqual(alarm["AlarmActions"], [world.aws.topic_arn()])

    def test_from_nothing_to_a_scale_up_and_again(self):
        world = self.world(["orders", "user_events"], per_stream={
            "orders": {"desired_shards": 2, "cooldown": "3m"}, "user_events": {"desired_shards": 3}})
        daemon = self.daemon(world)
        self.assertEqual(self.results(world, "--dry-run"),
                         {None: "create", "orders": "create", "user_events": "create"})
        self.assertEqual(self.deeds(world), [])

        self.assertEqual(self.results(world), {None: "made", "orders": "made", "user_events": "made"})
        self.check(world, "orders", 2)
        self.check(world, "user_events", 3)
        # The daemon was there to confirm the subscription.
        eventually(lambda: daemon.sns_url in world.aws.confirmed(), what=lambda: daemon.log)
        before = self.deeds(world)
        self.assertEqual(self.results(world), {None: "unchanged", "orders": "unchanged", "user_events": "unchanged"})
        self.assertEqual(self.deeds(world), before)

        # An alarm of the stack, the topic of the stack, the subscription of the stack.
        world.aws.traffic("orders", world.aws.rate(2, "orders"))
        scale_up = daemon.wait_for_actions("orders", 1)[-1]
        self.assertEqual((scale_up["kind"], scale_up["failure"]), ("scale-up", ""))
        world.aws.traffic("orders", "constant:1")
        shards = len(world.aws.shards("orders"))
        self.assertGreater(shards, 2)
        self.check(world, "orders", shards)
        before = self.deeds(world)
        rows = self.rows(world)
        self.assertEqual({row["result"] for row in rows.values()}, {"unchanged"})
        self.assertEqual({row["note"] for row in rows.values()}, {""})
        self.assertEqual(self.deeds(world), before)
        self.check(world, "orders", shards)

        # A reason to update: the shards stay, the thresholds fit shards and period.
        world.per_stream["orders"]["alarm_period"] = "120s"
        self.assertEqual(self.results(world)["orders"], "updated")
        self.check(world, "orders", shards)
        self.assertEqual(self.results(world)["orders"], "unchanged")
        world.close()

    def test_a_run_that_is_killed_is_gone_on_with(self):
        world = self.world(["orders", "invoices", "users"], per_stream={"orders": {"desired_shards": 5}})
        for stacks in (1, 3):
            process = subprocess.Popen(self.command(world), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                       env={**clean_environment(), **world.environment()})
            eventually(lambda: len(world.aws.requests("CreateStack")) >= stacks)
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=20)
        self.assertNotIn("failed", self.results(world).values())
        self.check(world, "orders", 5)
        self.check(world, "invoices", 1)
        self.check(world, "users", 1)
        self.assertEqual(set(self.results(world).values()), {"unchanged"})
        self.assertEqual(self.deeds(world).count("CreateStack"), 4)
        world.close()

    def test_two_at_once_make_everything_once(self):
        world = self.world(["orders", "invoices", "users"])
        command = self.command(world)
        runs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                 env={**clean_environment(), **world.environment()}) for _ in range(2)]
        for process in runs:
            said, _ = process.communicate(timeout=120)
            self.assertEqual(process.returncode, 0, said)
        for stream in world.streams:
            self.check(world, stream, 1)
        world.close()

    def test_what_is_there_is_left_as_it_is(self):
        world = self.world(["orders", "invoices"], "topic kinescale\nstream orders shards=3\n"
                           "alarms orders topic=kinescale threshold=80% period=60s\nstream invoices shards=7\n")
        rows = self.rows(world)
        self.assertEqual(rows[None]["reason"], "a dead-letter queue and rights for topic 'kinescale', which is there")
        self.assertEqual((rows["orders"]["result"], rows["orders"]["reason"]),
                         ("unchanged", "the stream and its alarms are there"))
        self.assertEqual((rows["invoices"]["result"], rows["invoices"]["reason"]),
                         ("made", "3 alarms for the stream of 7 shards that is there"))
        self.assertEqual(len(world.aws.alarms("orders")), 3)
        self.check(world, "invoices", 7)
        self.assertEqual(set(self.results(world).values()), {"unchanged"})
        world.close()

    def test_what_readme_makes_by_hand_leaves_nothing_to_do(self):
        world = self.world(["user-events"], per_stream={"user-events": {"min_shards": 4}},
                           public_url="https://scaling.example.com/sns")
        with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
            text = file.read().replace("\\\n", " ").replace("$ACCOUNT", "000000000000").replace("eu-west-1", "us-east-1")
        commands = re.findall(r"^aws cloudformation deploy --stack-name (\S+) --template-file \$CFN/(\S+) .*"
                              r"--parameter-overrides (.*)$", text, re.M)
        self.assertEqual(len(commands), 2)
        for stack, template, overrides in commands:
            members = {"StackName": stack, "Capabilities.member.1": "CAPABILITY_IAM"}
            with open(os.path.join(ROOT, "cfn", template), encoding="utf-8") as file:
                members["TemplateBody"] = file.read()
            for number, word in enumerate(shlex.split(overrides), 1):
                name, _, value = word.partition("=")
                members[f"Parameters.member.{number}.ParameterKey"] = name
                members[f"Parameters.member.{number}.ParameterValue"] = value
            world.aws.cloudformation("CreateStack", **members)
            eventually(lambda: world.aws.cloudformation("DescribeStacks", StackName=stack)["StackStatus"] ==
                       "CREATE_COMPLETE")
        self.check(world, "user-events", 4)
        self.assertEqual(set(self.results(world).values()), {"unchanged"})
        world.close()

    def test_alarms_on_shards_are_made_by_the_daemon_and_no_second_run_takes_them_away(self):
        world = self.world(["orders"], per_stream={"orders": {"desired_shards": 2, "alarm_level": "shard"}},
                           reconcile_every="30s")
        self.assertEqual(self.results(world), {None: "made", "orders": "made"})
        self.assertEqual(world.aws.alarms("orders"), {})
        self.daemon(world)
        eventually(lambda: len(world.aws.alarms("orders")) == 6)
        self.assertEqual(set(self.results(world).values()), {"unchanged"})
        self.assertEqual(len(world.aws.alarms("orders")), 6)
        # Back to alarms on the stream: the stack gets them, and the daemon then drops those on shards.
        world.per_stream["orders"]["alarm_level"] = "stream"
        self.assertEqual(self.results(world)["orders"], "updated")
        self.assertEqual(sum("ShardId" not in str(alarm["Dimensions"]) for alarm in
                             world.aws.alarms("orders").values()), 3)
        self.assertEqual(len(world.aws.shards("orders")), 2)
        self.assertEqual(set(self.results(world).values()), {"unchanged"})
        world.close()

    def test_one_that_fails_is_told_with_what_failed_and_stops_no_other(self):
        world = self.world(["orders", "large"], per_stream={"large": {"desired_shards": 900, "max_shards": 900}})
        said = self.provision(world, code=1).stdout
        self.assertRegex(said, r"(?m)^large +kinescale-stream-large +failed +ROLLBACK_COMPLETE: Stream "
                               r"\(AWS::Kinesis::Stream\): .*shard limit")
        self.assertRegex(said, r"(?m)^orders +kinescale-stream-orders +made ")
        # One line per event where there is no terminal.
        self.assertRegex(said, r"(?m)^\d{4}-\d\d-\d\dT\S+Z  orders  Stream CREATE_COMPLETE$")
        world.per_stream["large"]["desired_shards"] = 9
        self.assertEqual(self.results(world, "large"), {None: "unchanged", "large": "made"})
        world.close()

    def test_what_is_asked_wrongly_is_refused_before_anything_is_done(self):
        world = self.world(["orders"])
        for arguments, words in ((("nowhere",), "nowhere"), (("--output", "xml"), "--output must be table or json"),
                                 (("orders", "orders"), "would share the stack")):
            result = self.provision(world, *arguments, code=2)
            self.assertIn(words, result.stderr)
            self.assertEqual(result.stdout, "")
        self.assertEqual(self.deeds(world), [])
        world.close()

    def test_progress_on_a_terminal_is_one_line_per_stack_under_way(self):
        try:
            master, slave = os.openpty()
        except OSError as error:  # a bare chroot has no /dev/pts
            self.skipTest(str(error))
        world = self.world(["orders"])
        complaints = self.enterContext(tempfile.TemporaryFile())
        process = subprocess.Popen(self.command(world), stdout=slave, stderr=complaints,
                                   env={**clean_environment(), **world.environment()})
        os.close(slave)
        said = b""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                part = os.read(master, 4096)
            except OSError:
                break
            if not part:
                break
            said += part
        os.close(master)
        code = process.wait(timeout=20)
        complaints.seek(0)
        self.assertEqual(code, 0, said + complaints.read())
        text = said.decode()
        self.assertRegex(text, r"orders +creating")
        self.assertIn("\x1b[", text)
        self.assertRegex(text, r"orders +kinescale-stream-orders +made ")
        self.assertNotRegex(text, r"Stream CREATE_COMPLETE\r?\n20")
        world.close()


if __name__ == "__main__":
    unittest.main()
