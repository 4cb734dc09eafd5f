"""The main job with daemon and simulated AWS as two processes: alarm, shards, thresholds, state, and again."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from kinescale import (CLASSIC, World, check_partition, effective, eventually, expected_threshold)  # noqa: E402

SCENE = """topic kinescale
stream orders shards=2
alarms orders topic=kinescale threshold=80% period=60s
traffic orders load=constant:0.8M record=4096 keys=uniform
"""

# What moves by itself, or by us.
CHANGING = {"Threshold", "StateValue", "StateReason", "StateReasonData", "StateUpdatedTimestamp",
            "StateTransitionedTimestamp", "AlarmConfigurationUpdatedTimestamp"}


def fixed_fields(alarm):
    return {key: value for key, value in alarm.items() if key not in CHANGING}


def rich_alarm(aws):
    """An alarm of the operator's own, with all that an alarm can have."""
    aws.cloudwatch(
        "PutMetricAlarm", AlarmName="orders: volume, three of five", AlarmDescription="grüße \"quoted\" <&>",
        ActionsEnabled=True, OKActions=["arn:aws:sns:us-east-1:000000000000:pager"],
        AlarmActions=["arn:aws:sns:us-east-1:000000000000:pager", aws.topic_arn()],
        InsufficientDataActions=["arn:aws:sns:us-east-1:000000000000:pager"], MetricName="IncomingBytes",
        Namespace="AWS/Kinesis", Statistic="Sum", Dimensions=[{"Name": "StreamName", "Value": "orders"}],
        Period=300, Unit="Bytes", EvaluationPeriods=5, DatapointsToAlarm=3, Threshold=1234567.5,
        ComparisonOperator="GreaterThanThreshold", TreatMissingData="ignore",
        Tags=[{"Key": "team", "Value": "orders"}])


def foreign_alarms(aws):
    """Not ours: another topic, another statistic, below instead of above."""
    for name, changes in (("pager-only", {"AlarmActions": ["arn:aws:sns:us-east-1:000000000000:pager"]}),
                          ("average", {"Statistic": "Average"}),
                          ("idle", {"ComparisonOperator": "LessThanThreshold", "Threshold": 0.5})):
        aws.cloudwatch("PutMetricAlarm", **{
            "AlarmName": name, "AlarmActions": [aws.topic_arn()], "MetricName": "IncomingBytes",
            "Namespace": "AWS/Kinesis", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1,
            "Dimensions": [{"Name": "StreamName", "Value": "orders"}], "Threshold": 777e9,
            "ComparisonOperator": "GreaterThanThreshold", **changes})


class MainJob(unittest.TestCase):
    maxDiff = None

    def check_alarms(self, aws, before):
        """Every alarm that is ours has the exact threshold, all else is as it was, nothing stands in ALARM."""
        shards, alarms = aws.shards("orders"), aws.alarms("orders")
        check_partition(shards)
        for name, alarm in alarms.items():
            ours = name.startswith("orders") and alarm["MetricName"] != "WriteProvisionedThroughputExceeded"
            wanted = (expected_threshold(alarm["MetricName"], alarm["Period"], shards) if ours
                      else before[name]["Threshold"])
            self.assertEqual(alarm["Threshold"], wanted, name)
            self.assertEqual(fixed_fields(alarm), fixed_fields(before[name]), name)
            self.assertNotEqual(alarm["StateValue"], "ALARM", name)
        self.assertEqual(set(alarms), set(before))

    def test_from_the_alarm_to_more_shards_and_again(self):
        with World(["orders"], SCENE, speed=90, defaults={"cooldown": "3m"},
                   settings={"reconcile_every": "1h"}) as world:
            aws = world.aws
            rich_alarm(aws)
            foreign_alarms(aws)
            before = aws.alarms("orders")
            self.assertEqual(before["orders-IncomingBytes"]["Threshold"], 0.8 * 60 * 2 * 1048576)
            setting_up = len(aws.requests())
            daemon = world.daemon()
            daemon.wait_for_log("subscription-confirmed .*subscription=arn:aws:sns:us-east-1:000000000000:kinescale:")

            # The operator's alarm stands wrong: put right without waiting for anything.
            repair, = daemon.wait_for_actions("orders", 1)
            self.assertEqual((repair["kind"], repair["failure"], repair["to_shards"]), ("repair", "", 2))
            self.check_alarms(aws, before)

            aws.traffic("orders", aws.rate(0.85, "orders"))
            first = daemon.wait_for_actions("orders", 2)[1]
            self.assertEqual((first["kind"], first["failure"], first["from_shards"]), ("scale-up", "", 2))
            shards = aws.shards("orders")
            self.assertEqual(len(shards), first["to_shards"])
            self.assertGreater(len(shards), 2)
            # No shard above 60 % of 85 % of two.
            self.assertGreaterEqual(effective(shards), 2 * 0.85 / 0.6)
            self.check_alarms(aws, before)
            self.assertEqual(aws.alarms("orders")["orders-IncomingBytes"]["StateValue"], "OK")

            aws.traffic("orders", aws.rate(0.9, "orders"))
            second = daemon.wait_for_actions("orders", 3)[2]
            self.assertEqual((second["kind"], second["failure"], second["from_shards"]),
                             ("scale-up", "", first["to_shards"]))
            self.assertGreater(second["to_shards"], first["to_shards"])
            self.check_alarms(aws, before)
            self.assertEqual(aws.alarms("orders")["orders-IncomingBytes"]["StateValue"], "OK")

            # The books: what was asked for is what AWS did, each alarm ended, and nobody was throttled by us.
            rows = world.rows("SELECT kind, outcome, count(*) FROM steps GROUP BY 1, 2")
            self.assertTrue(all(outcome == 1 for _, outcome, _ in rows), rows)
            totals = aws.stream("orders")["totals"]
            splits = len([r for r in aws.requests("SplitShard") if r["status"] == 200])
            updates = len([r for r in aws.requests("UpdateShardCount") if r["status"] == 200])
            self.assertEqual(sum(count for *_, count in rows), splits + updates)
            self.assertEqual((totals["splits"] > 0 or totals["updates"] > 0, totals["merges"]), (True, 0))
            self.assertEqual(world.rows("SELECT count(*) FROM notifications WHERE status IN (0, 4)"), [(0,)])
            self.assertEqual([r for r in aws.requests()[setting_up:] if r["status"] != 200], [])

    def test_bytes_and_records_in_the_same_second_make_one_action(self):
        # 2 shards' worth of bytes and records at once: both alarms fire in the same evaluation.
        with World(["orders"], SCENE, speed=90, settings={"reconcile_every": "1h"}) as world:
            daemon = world.daemon()
            world.aws.traffic("orders", "constant:1.8M", record=1048)
            action, = daemon.wait_for_actions("orders", 1)

            # Whatever came too late for the action is looked at when the cooldown ends.
            def settled():
                notified = [n for n in daemon.stream("orders")["notifications"] if n["new_state"] == "ALARM"]
                return notified if all(n["status"] in ("acted", "dropped") for n in notified) else None
            notified = eventually(settled, what=lambda: daemon.log)
            self.assertGreaterEqual({n["metric"] for n in notified}, {"IncomingBytes", "IncomingRecords"})
            self.assertEqual({n["action"] for n in notified if n["status"] == "acted"}, {action["id"]})
            self.assertEqual(len(daemon.stream("orders")["actions"]), 1)

    def test_an_alarm_during_the_cooldown_is_acted_on_when_it_ends(self):
        with World(["orders"], SCENE, speed=90, defaults={**CLASSIC, "cooldown": "8m"},
                   settings={"reconcile_every": "1h"}) as world:
            aws = world.aws
            daemon = world.daemon()
            aws.traffic("orders", aws.rate(0.85, "orders"))
            first, = daemon.wait_for_actions("orders", 1)
            self.assertEqual(daemon.stream("orders")["state"], "cooldown")
            until = daemon.stream("orders")["cooldown_until"]
            aws.traffic("orders", aws.rate(0.95, "orders"))
            # It comes in the cooldown, and is kept with the reason.
            deferred = eventually(lambda: [n for n in daemon.stream("orders")["notifications"]
                                           if n["status"] == "deferred"], what=lambda: daemon.log)
            self.assertRegex(deferred[0]["reason"], r"^cooldown for another \d+ s$")
            self.assertEqual(len(daemon.stream("orders")["actions"]), 1)
            second = daemon.wait_for_actions("orders", 2)[1]
            self.assertGreaterEqual(second["started"], until)
            self.assertGreater(second["to_shards"], first["to_shards"])
            acted = {n["message_id"]: n for n in daemon.stream("orders")["notifications"]}[deferred[0]["message_id"]]
            self.assertEqual((acted["status"], acted["action"]), ("acted", second["id"]))

    def test_an_alarm_that_is_over_when_the_cooldown_ends_is_dropped_with_the_reason(self):
        with World(["orders"], SCENE, speed=90, defaults={**CLASSIC, "cooldown": "6m"},
                   settings={"reconcile_every": "1h"}) as world:
            aws = world.aws
            daemon = world.daemon()
            aws.traffic("orders", "constant:1.7M", record=4096)
            daemon.wait_for_actions("orders", 1)
            aws.traffic("orders", "constant:0.4M", record=4096)
            aws.raise_alarm("orders-IncomingBytes")
            eventually(lambda: [n for n in daemon.stream("orders")["notifications"] if n["status"] == "deferred"])
            aws.cloudwatch("SetAlarmState", AlarmName="orders-IncomingBytes", StateValue="OK", StateReason="over")
            newest = eventually(lambda: [n for n in daemon.stream("orders")["notifications"]
                                         if n["status"] == "dropped" and n["new_state"] == "ALARM"])
            self.assertEqual(newest[0]["reason"], "the alarm is no longer in ALARM")
            self.assertEqual(len(daemon.stream("orders")["actions"]), 1)

    def test_a_stream_that_no_alarm_watches_is_named_at_every_look(self):
        scene = SCENE + """topic other
stream forgotten shards=1
stream elsewhere shards=1
alarms elsewhere topic=other
"""
        with World(["orders", "forgotten", "elsewhere", "planned"], scene, speed=60) as world:
            daemon = world.daemon()
            daemon.wait_for_log(r" warn +stream-missing stream=planned why=\"Kinesis has no such stream yet", count=2)
            daemon.wait_for_log(r" warn +no-alarms stream=forgotten ", count=2)
            daemon.wait_for_log(r" warn +no-alarms stream=elsewhere ")
            # Which streams a composite alarm speaks for, it says only in its rule.
            world.aws.cloudwatch("PutCompositeAlarm", AlarmName="any", AlarmRule='ALARM("elsewhere-IncomingBytes")',
                                 AlarmActions=[world.aws.topic_arn()])
            looks = daemon.metrics()['kinescale_reconciles_total{result="ok"}']
            eventually(lambda: daemon.metrics()['kinescale_reconciles_total{result="ok"}'] >= looks + 1)
            before = len(daemon.log_lines("no-alarms"))
            eventually(lambda: daemon.metrics()['kinescale_reconciles_total{result="ok"}'] >= looks + 2)
            self.assertEqual(len(daemon.log_lines("no-alarms")), before)
            self.assertFalse([line for line in daemon.log_lines("no-alarms")
                              if "stream=orders" in line or "stream=planned" in line])


if __name__ == "__main__":
    unittest.main()
