"""SIGHUP reads streams.conf again; patterns take in streams that come and let go of those that leave."""

import json
import os
import re
import signal
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from kinescale import World, eventually, run  # noqa: E402

SCENE = """topic kinescale
topic other
stream orders shards=2
alarms orders topic=kinescale
traffic orders load=constant:6M record=2048
stream bills shards=1
"""
FILE = "streams-1.conf"  # of the first daemon that a world starts


class Reload(unittest.TestCase):
    def world(self, streams=("orders",), scene=SCENE, **options):
        world = World(list(streams), scene, **options)
        self.addCleanup(world.abandon)
        return world

    def write(self, world, **settings):
        return world.config(name=FILE, **settings)

    def hang_up(self, daemon, event="reloaded"):
        count = daemon.log.count(f" {event} ")
        daemon.process.send_signal(signal.SIGHUP)
        eventually(lambda: daemon.log.count(f" {event} ") > count, what=lambda: daemon.log)

    def shards(self, world, stream="orders"):
        return len(world.aws.shards(stream))

    def test_what_was_raised_is_obeyed_at_once_and_told_setting_by_setting(self):
        world = self.world(per_stream={"orders": {"max_shards": 3, "cooldown": "1m"}})
        daemon = world.daemon()
        loaded = daemon.metrics()["kinescale_config_last_reload_success_timestamp_seconds"]
        eventually(lambda: self.shards(world) == 3, 40, lambda: daemon.log)
        world.per_stream["orders"] = {"max_shards": 32, "cooldown": "1m", "target_utilization": "55%"}
        self.write(world, history="60d")
        self.hang_up(daemon)
        self.assertRegex(daemon.log, r"setting-changed section=orders setting=max_shards from=3 to=32\n")
        self.assertRegex(daemon.log, r"setting-changed section=orders setting=target_utilization from=60% to=55%\n")
        self.assertRegex(daemon.log, r"setting-changed section=service setting=history from=90d to=60d\n")
        self.assertRegex(daemon.log, r" reloaded changes=3 streams=1 patterns=0\n")
        eventually(lambda: self.shards(world) >= 8, 60, lambda: daemon.log)
        metrics = daemon.metrics()
        self.assertEqual(metrics["kinescale_config_last_reload_successful"], 1)
        self.assertGreater(metrics["kinescale_config_last_reload_success_timestamp_seconds"], loaded)
        configuration = daemon.admin("/status").json()["configuration"]
        self.assertEqual(configuration["loaded"], configuration["reload_tried"])
        self.assertEqual((configuration["reload_error"], configuration["restart_needed_for"]), ("", []))
        world.close()

    def test_a_wrong_file_is_refused_whole_with_every_fault_and_the_old_one_kept(self):
        world = self.world(per_stream={"orders": {"max_shards": 5}})
        daemon = world.daemon()
        before = daemon.admin("/status").json()["configuration"]
        self.assertEqual((before["reload_tried"], before["reload_error"]), (None, ""))
        world.per_stream["orders"] = {"max_shards": 4, "min_shards": 9, "cooldwn": "1m"}
        path = self.write(world, workers="none")
        self.hang_up(daemon, "reload-refused")
        faults = re.findall(r"config-refused error=\"(.*)\"", daemon.log)
        self.assertEqual(len(faults), 3)
        for fault, part in zip(faults, ("workers must be", "min_shards must be at most max_shards", "cooldwn")):
            self.assertTrue(fault.startswith(path) and part in fault, fault)
        configuration = daemon.admin("/status").json()["configuration"]
        self.assertEqual(configuration["loaded"], before["loaded"])
        self.assertIn(configuration["reload_error"], faults)
        self.assertEqual(daemon.metrics()["kinescale_config_last_reload_successful"], 0)
        self.assertEqual(daemon.stream("orders")["max_shards"], 5)

        os.unlink(path)  # a file that is gone is as wrong
        self.hang_up(daemon, "reload-refused")
        world.per_stream["orders"] = {"max_shards": 6}
        self.write(world)
        self.hang_up(daemon)
        self.assertEqual(daemon.metrics()["kinescale_config_last_reload_successful"], 1)
        self.assertEqual(daemon.admin("/status").json()["configuration"]["reload_error"], "")
        self.assertEqual(daemon.stream("orders")["max_shards"], 6)
        world.close()

    def test_what_needs_a_restart_is_named_until_there_is_one_and_the_rest_applied(self):
        world = self.world()
        daemon = world.daemon()
        world.per_stream["orders"] = {"max_shards": 7}
        for _ in range(2):
            self.write(world, database=world.database("other.db"), workers="2")
            self.hang_up(daemon)
            self.assertEqual(sorted(daemon.admin("/status").json()["configuration"]["restart_needed_for"]),
                             ["database", "workers"])
        self.assertRegex(daemon.log, r"warn +restart-needed section=service setting=workers from=4 to=2\n")
        self.assertEqual(daemon.stream("orders")["max_shards"], 7)
        self.assertFalse(os.path.exists(world.database("other.db")))
        self.write(world)
        self.hang_up(daemon)
        self.assertEqual(daemon.admin("/status").json()["configuration"]["restart_needed_for"], [])
        world.close()

    def test_a_topic_is_obeyed_from_the_reload_on_that_lists_it(self):
        world = self.world()
        daemon = world.daemon()
        world.aws.sns("Subscribe", TopicArn=world.aws.topic_arn("other"), Protocol="http", Endpoint=daemon.sns_url)
        daemon.wait_for_log(r"notification-refused .*not on the list of topics")
        self.assertEqual(world.aws.confirmed("other"), [])
        self.write(world, topic_arn=f"{world.aws.topic_arn()}, {world.aws.topic_arn('other')}")
        self.hang_up(daemon)
        world.aws.sns("Subscribe", TopicArn=world.aws.topic_arn("other"), Protocol="http", Endpoint=daemon.sns_url)
        eventually(lambda: world.aws.confirmed("other"), what=lambda: daemon.log)
        world.close()

    def test_reloads_in_the_middle_of_everything_lose_nothing(self):
        """With ThreadSanitizer: requests, turns and looks go on while the configuration changes under them."""
        world = self.world(streams=("orders", "b*"), per_stream={"orders": {"max_shards": 64, "resharding": "split"}})
        daemon = world.daemon(reconcile_every="1m")
        for i in range(30):
            world.per_stream["orders"]["cooldown"] = f"{60 + i % 5}s"
            if i % 3 == 0:
                world.streams = ["orders"] if "b*" in world.streams else ["orders", "b*"]
            self.write(world, reconcile_every=f"{1 + i % 2}m")
            self.hang_up(daemon)
            daemon.metrics()
            daemon.admin("/status").json()
            if i % 5 == 0:
                world.aws.publish("by hand")
        eventually(lambda: self.shards(world) >= 8, 60, lambda: daemon.log)
        self.assertNotIn(" error ", daemon.log)
        world.close()

    def test_a_stream_taken_out_is_left_alone_and_its_alarms_are_told_so(self):
        world = self.world(streams=("orders", "bills"), per_stream={"orders": {"resharding": "split"}})
        daemon = world.daemon()
        daemon.wait_for_log(r"step-asked stream=orders")
        world.streams = ["bills"]
        self.write(world)
        self.hang_up(daemon)
        self.assertRegex(daemon.log, r" section-removed section=orders ")
        eventually(lambda: world.rows("SELECT count(*) FROM actions WHERE ended_ms = 0") == [(0,)], 30,
                   lambda: daemon.log)
        daemon.wait_for_log(r"warn +action-ended stream=orders .* failure=\"the stream is not configured any more\"")
        self.assertEqual([row["stream"] for row in daemon.admin("/status").json()["streams"]], ["bills"])
        self.assertEqual(daemon.admin("/streams/orders").status, 404)
        world.aws.raise_alarm("orders-IncomingBytes" if "orders-IncomingBytes" in world.aws.alarms("orders")
                              else next(iter(world.aws.alarms("orders"))))
        daemon.wait_for_log(r"notification-ignored .*the stream is not configured")
        world.close()


PATTERN_SCENE = """topic kinescale
stream orders-eu shards=1
alarms orders-eu topic=kinescale
stream bills shards=1
"""


class Patterns(unittest.TestCase):
    def world(self, **options):
        world = World(["orders-*"], PATTERN_SCENE, **options)
        self.addCleanup(world.abandon)
        return world

    def names(self, daemon):
        return [row["stream"] for row in daemon.admin("/status").json()["streams"]]

    def command(self, world, *arguments):
        result = run(*arguments, "--config", os.path.join(world.folder, FILE), "--clock", world.clock,
                     environment=world.environment())
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_streams_come_and_go_and_every_command_knows_them(self):
        world = self.world(settings={"reconcile_every": "1m"})
        daemon = world.daemon()
        eventually(lambda: self.names(daemon) == ["orders-eu"], 30, lambda: daemon.log)
        self.assertRegex(daemon.log, r"stream-found stream=orders-eu pattern=orders-\*\n")
        world.aws.kinesis("CreateStream", StreamName="orders-us", ShardCount=2)
        eventually(lambda: self.names(daemon) == ["orders-eu", "orders-us"], 30, lambda: daemon.log)
        eventually(lambda: daemon.metrics().get("kinescale_open_shards{stream=\"orders-us\"}") == 2, 30)

        rows = json.loads(self.command(world, "status", "--output", "json"))["streams"]
        self.assertEqual([row["stream"] for row in rows], ["orders-eu", "orders-us"])
        rows = json.loads(self.command(world, "plan", "--output", "json"))
        self.assertEqual([row["stream"] for row in rows], ["orders-eu", "orders-us"])
        rows = json.loads(self.command(world, "scale-down", "--dry-run", "--output", "json"))
        self.assertEqual([row["stream"] for row in rows], ["orders-eu", "orders-us"])
        self.command(world, "pause", "orders-us", "--for", "1m")

        world.aws.kinesis("DeleteStream", StreamName="orders-eu")
        eventually(lambda: self.names(daemon) == ["orders-us"], 30, lambda: daemon.log)
        self.assertRegex(daemon.log, r"stream-left stream=orders-eu pattern=orders-\*\n")
        world.close()

    def test_provision_makes_no_stream_for_a_pattern_but_the_alarms_of_those_there_are(self):
        world = self.world()
        world.streams = ["orders-*", "orders-own"]
        world.config(name=FILE)
        world.aws.kinesis("CreateStream", StreamName="orders-us", ShardCount=1)
        eventually(lambda: world.aws.stream("orders-us")["status"] == "ACTIVE")
        said = self.command(world, "provision")
        self.assertIn("\norders-*: a pattern makes no stream; of those that exist it speaks of 2\n", said)
        self.assertEqual(sorted(stream["name"] for stream in world.aws.state()["streams"]),
                         ["bills", "orders-eu", "orders-own", "orders-us"])
        self.assertEqual({alarm["MetricName"] for alarm in world.aws.alarms("orders-us").values()},
                         {"IncomingBytes", "IncomingRecords", "WriteProvisionedThroughputExceeded"})
        service = json.loads(self.command(world, "provision", "--dry-run", "--output", "json"))[0]["parameters"]
        prefix = f"arn:aws:kinesis:{world.aws.region}:000000000000:stream/"
        self.assertEqual(service["StreamArns"], f"{prefix}orders-own,{prefix}orders-*")
        result = run("provision", "orders-new", "--config", os.path.join(world.folder, FILE), "--clock", world.clock,
                     environment=world.environment())
        self.assertEqual((result.returncode, result.stdout, result.stderr), (
            2, "", "error: stream 'orders-new' does not exist, and the pattern 'orders-*' makes none: give it a section "
            "of its own\n"))
        world.close()

    def test_a_name_that_only_a_pattern_matches_must_exist(self):
        world = self.world()
        world.config(name=FILE)
        shard = "shardId-000000000000"
        for words in (("pause", "orders-zzz"), ("resume", "orders-eu", "orders-zzz"), ("plan", "orders-zzz"),
                      ("scale", "orders-zzz", "--to", "2"), ("split", "orders-zzz", shard),
                      ("merge", "orders-zzz", shard, shard), ("scale-down", "orders-zzz")):
            result = run(*words, "--config", os.path.join(world.folder, FILE), "--clock", world.clock,
                         environment=world.environment())
            self.assertEqual((result.returncode, result.stdout, result.stderr), (
                2, "", "error: stream 'orders-zzz' does not exist; only the pattern 'orders-*' matches it\n"), words)
        self.assertEqual(self.command(world, "pause", "orders-eu"), "orders-eu: paused until it is resumed\n")
        world.close()

    def test_an_alarm_of_a_stream_that_is_minutes_old_splits_it(self):
        world = self.world(settings={"reconcile_every": "1h"})
        daemon = world.daemon()
        eventually(lambda: self.names(daemon) == ["orders-eu"], 30, lambda: daemon.log)
        world.aws.kinesis("CreateStream", StreamName="orders-new", ShardCount=1)
        eventually(lambda: world.aws.stream("orders-new")["status"] == "ACTIVE")
        world.aws.traffic("orders-new", "constant:3M")
        world.aws.make_alarms("orders-new")
        eventually(lambda: len(world.aws.shards("orders-new")) >= 4, 60, lambda: daemon.log)
        self.assertEqual(self.names(daemon), ["orders-eu"])  # the look is yet to come
        self.assertEqual(daemon.stream("orders-new")["max_shards"], 16)
        world.close()

    def test_a_start_knows_what_was_found_before(self):
        world = self.world()
        daemon = world.daemon()
        eventually(lambda: self.names(daemon) == ["orders-eu"], 30, lambda: daemon.log)
        daemon.stop()
        again = world.daemon(like=daemon, ready=False, environment={"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
        self.assertEqual(self.names(again), ["orders-eu"])
        world.close()

    def test_who_never_reaches_aws_is_not_ready_and_its_streams_are_unseen(self):
        world = self.world()
        world.streams.append("bills")
        daemon = world.daemon(ready=False, environment={"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, subscribe=False)
        eventually(lambda: "never an answer" in daemon.admin("/readyz").text, 30, lambda: daemon.log)
        status, checks = daemon.ready()
        self.assertEqual((status, checks["store"], checks["credentials"]), (503, "ok", "ok"))
        self.assertRegex(checks["aws"], r"^never an answer, since 20\S+Z: ")
        self.assertEqual(daemon.stream("bills")["state"], "unseen")
        daemon.stop()
        daemon = world.daemon(like=daemon)
        eventually(lambda: daemon.stream("bills")["state"] == "idle", 30)
        self.assertEqual(daemon.ready()[1]["aws"], "ok")
        world.close()


if __name__ == "__main__":
    unittest.main()
