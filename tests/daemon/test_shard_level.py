"""alarm_level = shard with daemon and simulated AWS as two processes: what an alarm names is split, and no more."""

import json
import os
import re
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import kinescale  # noqa: E402
from kinescale import CLASSIC, World, check_partition, eventually  # noqa: E402

SCENE = """topic kinescale
stream orders shards=8
traffic orders load=constant:1.6M record=2048 keys=uniform
"""
THRESHOLDS = {"IncomingBytes": 50331648, "IncomingRecords": 48000, "WriteProvisionedThroughputExceeded": 0}


class ShardLevel(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.world = self.enterContext(World(["orders"], SCENE, speed=60, defaults={**CLASSIC, "max_shards": 64},
                                             per_stream={"orders": {"alarm_level": "shard"}}))
        self.aws = self.world.aws

    def open_shards(self):
        return [shard["id"] for shard in self.aws.stream("orders")["shards"]]

    def alarms_match(self):
        """Exactly one alarm for each open shard and metric, and no other."""
        wanted = {(shard, metric): threshold for shard in self.open_shards()
                  for metric, threshold in THRESHOLDS.items()}
        found = {}
        for name, alarm in self.aws.alarms("orders").items():
            shard = next(d["Value"] for d in alarm["Dimensions"] if d["Name"] == "ShardId")
            if name != f"kinescale-orders-{shard}-{alarm['MetricName']}" or \
                    alarm["AlarmActions"] != [self.aws.topic_arn()]:
                return False
            found[shard, alarm["MetricName"]] = alarm["Threshold"]
        return found == wanted

    def wait_for_alarms(self, daemon):
        eventually(self.alarms_match, what=lambda: f"{sorted(self.aws.alarms('orders'))}\n{daemon.log}")

    def scale_ups(self, daemon):
        return [action for action in reversed(daemon.stream("orders")["actions"])
                if action["kind"] == "scale-up" and action["ended"]]

    def check_is_over(self, daemon):
        self.wait_for_alarms(daemon)
        check_partition(self.aws.shards("orders"))

    def test_one_hot_shard_of_eight(self):
        daemon = self.world.daemon()
        self.wait_for_alarms(daemon)
        before = self.open_shards()
        hot = before[3]
        self.aws.traffic("orders", "constant:2.6M", keys="slice:0.3:3:8")
        actions = eventually(lambda: [a for a in self.scale_ups(daemon) if a["to_shards"] > a["from_shards"]],
                             what=lambda: daemon.log)
        self.check_is_over(daemon)
        steps = actions[0]["steps"]
        self.assertEqual((steps[0]["operation"], steps[0]["shard"]), ("split", hot), daemon.log)
        self.assertEqual([shard for shard in before if shard not in self.open_shards()], [hot])
        self.assertEqual(actions[0]["failure"], "")
        said = [n for n in daemon.stream("orders")["notifications"] if n["action"] == actions[0]["id"]]
        self.assertEqual({n["shard"] for n in said}, {hot})

    def test_several_hot_shards_in_one_action(self):
        daemon = self.world.daemon()
        self.wait_for_alarms(daemon)
        before = self.open_shards()
        self.aws.traffic("orders", "constant:3.5M", keys="slice:0.5:1:4")
        # An alarm of the minute in which the load began may find the shards not full yet.
        action = eventually(lambda: [a for a in self.scale_ups(daemon) if a["to_shards"] > a["from_shards"]],
                            what=lambda: daemon.log)[0]
        self.check_is_over(daemon)
        self.assertEqual({step["shard"] for step in action["steps"][:2]}, set(before[2:4]), daemon.log)
        self.assertEqual([shard for shard in before if shard not in self.open_shards()], before[2:4])

    def test_a_hot_key_stops_after_two_splits(self):
        daemon = self.world.daemon()
        self.wait_for_alarms(daemon)
        self.aws.traffic("orders", "constant:2.6M", keys="hot:0.5")
        stream = eventually(lambda: [s for s in [daemon.stream("orders")] if s["hot_key"] is not None],
                            what=lambda: daemon.log)[0]
        self.check_is_over(daemon)
        end = time.monotonic() + 10  # ten minutes there: the alarm fires again
        while time.monotonic() < end:
            self.assertEqual(self.aws.stream("orders")["totals"]["splits"], 2, daemon.log)
            time.sleep(0.5)
        self.assertIn(stream["hot_key"]["shard"], self.open_shards())
        self.assertIn("kinescale_stream_hot_key{stream=\"orders\"}", daemon.metrics())
        self.assertEqual(daemon.metrics()["kinescale_stream_hot_key{stream=\"orders\"}"], 1)
        range_text = f"{stream['hot_key']['starting_hash_key']}..{stream['hot_key']['ending_hash_key']}"
        limited = [d["reason"] for d in daemon.stream("orders")["decisions"] if d["verdict"] == "limited"]
        self.assertTrue(limited and all(range_text in reason for reason in limited), limited)

        status = kinescale.run("status", "--config", self.world.config(), "--clock", self.world.clock, "orders")
        self.assertIn(f"hot key on shard '{stream['hot_key']['shard']}', hash keys {range_text}", status.stdout)
        status = kinescale.run("status", "--config", self.world.config(), "--clock", self.world.clock,
                               "--output", "json")
        self.assertEqual(json.loads(status.stdout)["streams"][0]["hot_key"]["shard"], stream["hot_key"]["shard"])

    def test_plan_tells_what_the_alarms_cost(self):
        daemon = self.world.daemon()
        self.wait_for_alarms(daemon)
        environment = self.world.environment()
        arguments = ("plan", "orders", "--config", self.world.config(), "--clock", self.world.clock)
        # 24 alarms of 0.10 dollars and 24 metrics of 0.30
        table = kinescale.run(*arguments, environment=environment)
        self.assertRegex(table.stdout, r"watching +24 alarms on shards and 24 shard-level metrics: 9\.60 dollars a month")
        plan = json.loads(kinescale.run(*arguments, "--to", "16", "--output", "json", environment=environment).stdout)[0]
        self.assertEqual((plan["shard_alarms"], plan["shard_metrics"]), (24, 24))
        self.assertAlmostEqual(plan["watch_dollars_a_month"], 9.60)
        self.assertAlmostEqual(plan["watch_dollars_a_month_after"], 19.20)

    def test_by_hand_and_back(self):
        """A merge and a split by hand keep the alarms with the shards, too."""
        daemon = self.world.daemon()
        self.wait_for_alarms(daemon)
        before = self.open_shards()
        for command in (["merge", "orders", before[0], before[1]], ["split", "orders", before[5]]):
            def done(command=command):
                result = kinescale.run(*command, "--yes", "--config", self.world.config(),
                                       "--clock", self.world.clock, environment=self.world.environment())
                return result.returncode == 0
            eventually(done, what=lambda: daemon.log)
            self.check_is_over(daemon)
        self.assertEqual(len(self.open_shards()), 8)

    def test_a_daemon_that_dies_again_and_again_leaves_no_alarm_behind(self):
        daemon = self.world.daemon()
        self.aws.traffic("orders", "constant:3.5M", keys="slice:0.5:1:4")
        for number in range(30):
            time.sleep(0.3 + 0.07 * number)
            daemon.kill()
            daemon = self.world.daemon(like=daemon)
            done = self.world.rows("SELECT 1 FROM actions WHERE kind = 0 AND state = 5 AND to_shards > from_shards")
            if done:
                break
        eventually(lambda: not self.world.rows("SELECT 1 FROM actions WHERE state < 5"), what=lambda: daemon.log)
        self.check_is_over(daemon)
        shards = {shard for shard in self.open_shards() if int(re.search(r"\d+$", shard).group()) < 8}
        self.assertEqual(len(shards), 6, daemon.log)


if __name__ == "__main__":
    unittest.main()
