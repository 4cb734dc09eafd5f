"""The program with Kinesis served by what nobody here wrote; CloudWatch and SNS are simulated.

No metric says how much is written, so the plan of an alarm is blind: one generation, every shard split once.
"""

import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import emulators  # noqa: E402
import kinescale  # noqa: E402

SPEED = 30  # the emulators' 300 ms are nine seconds to the daemon, which looks every two
RESHARD_MS = 300
STREAM = "orders"
METRICS = ("IncomingBytes", "IncomingRecords")


def make_alarms(world, shards):
    """One per metric, each with more in it than the program has to do with; returns what they are."""
    for metric in METRICS:
        world.aws.cloudwatch(
            "PutMetricAlarm", AlarmName=f"{STREAM} {metric}", AlarmDescription="more than it takes: é <&> \"\\",
            Namespace="AWS/Kinesis", MetricName=metric, Statistic="Sum", Period=300, EvaluationPeriods=3,
            DatapointsToAlarm=2, Dimensions=[{"Name": "StreamName", "Value": STREAM}], Unit="None",
            Threshold=kinescale.expected_threshold(metric, 300, shards),
            ComparisonOperator="GreaterThanOrEqualToThreshold", TreatMissingData="ignore",
            AlarmActions=[world.aws.topic_arn()], OKActions=[world.aws.topic_arn("quiet")])
    return world.aws.alarms(STREAM)


def ranges(shards):
    return [(start, end) for start, end, _ in shards]


def after(operations, shards):
    """The ranges there must be once the splits of a plan are done."""
    left = {shard: (start, end) for start, end, shard in shards}
    for operation in operations:
        start, end = left.pop(operation["shard"])
        middle = int(operation["new_starting_hash_key"])
        left[f"{operation['shard']}: lower"] = (start, middle - 1)
        left[f"{operation['shard']}: upper"] = (middle, end)
    return sorted(left.values())


@unittest.skipIf(emulators.why_missing(), emulators.why_missing())
class MainJob(unittest.TestCase):
    def plan(self, world):
        result = kinescale.run("plan", "--config", world.config(name="plan.conf"), "--clock", world.clock,
                               "--output", "json", environment=world.environment())
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)[0]

    def scale_up(self, emulator, shards, resharding):
        """From alarm to OK; returns the plan, and the shards before and after."""
        kinesis = emulator.kinesis
        kinesis.create(STREAM, shards)
        before = kinesis.open_shards(STREAM)
        with kinescale.World([STREAM], "topic kinescale signature=2\ntopic quiet\n", SPEED,
                             defaults={**kinescale.CLASSIC, "resharding": resharding, "max_shards": 32}) as world:
            world.aws.settings["AWS_ENDPOINT_URL_KINESIS"] = emulator.url
            put = make_alarms(world, ranges(before))
            plan = self.plan(world)
            daemon = world.daemon()
            world.aws.raise_alarm(f"{STREAM} IncomingBytes")
            action = daemon.wait_for_actions(STREAM)[0]
            self.assertEqual((action["failure"], action["from_shards"]), ("", shards))
            after_it = kinesis.open_shards(STREAM)
            self.check_alarms(world, put, ranges(after_it))
            self.check_steps(action, plan)
        kinescale.check_partition(ranges(after_it))
        return plan, before, after_it

    def check_alarms(self, world, put, shards):
        """Thresholds fit the shards, every alarm is armed, and all else is as its owner wrote it."""
        ours = ("Threshold", "StateValue", "StateReason", "StateReasonData", "StateUpdatedTimestamp",
                "StateTransitionedTimestamp", "AlarmConfigurationUpdatedTimestamp")
        alarms = world.aws.alarms(STREAM)
        self.assertEqual(alarms.keys(), put.keys())
        for name, alarm in alarms.items():
            self.assertEqual(alarm["Threshold"], kinescale.expected_threshold(alarm["MetricName"], 300, shards))
            self.assertGreater(alarm["Threshold"], put[name]["Threshold"])
            self.assertEqual({k: v for k, v in alarm.items() if k not in ours},
                             {k: v for k, v in put[name].items() if k not in ours})
        self.assertEqual(alarms[f"{STREAM} IncomingBytes"]["StateValue"], "OK")

    def check_steps(self, action, plan):
        """What was done is what had been announced."""
        told = ("operation", "shard", "new_starting_hash_key")
        self.assertEqual([[s.get(k) for k in told] for s in action["steps"]],
                         [[o.get(k) for k in told] for o in plan["operations"]])
        self.assertEqual({step["outcome"] for step in action["steps"]}, {"accepted"})
        self.assertEqual(action["to_shards"], plan["to_shards"])

    def check_splits(self, emulator):
        with emulator:
            plan, before, split = self.scale_up(emulator, 3, "split")
        self.assertEqual([operation["operation"] for operation in plan["operations"]], ["split"] * 3)
        self.assertEqual(ranges(split), after(plan["operations"], before))

    def test_kinesalite_splits(self):
        self.check_splits(emulators.Kinesalite(RESHARD_MS))

    def test_kinesis_local_splits(self):
        self.check_splits(emulators.KinesisLocal(RESHARD_MS))

    def test_kinesis_local_updates_the_shard_count(self):
        with emulators.KinesisLocal(RESHARD_MS) as emulator:
            plan, _, updated = self.scale_up(emulator, 2, "update-shard-count")
        self.assertEqual([(o["operation"], o["shards_after"]) for o in plan["operations"]], [("update", 4)])
        self.assertEqual(len(updated), 4)
        for start, end, _ in updated:
            self.assertAlmostEqual(end - start + 1, 2 ** 126, delta=2)


@unittest.skipIf(emulators.why_missing(), emulators.why_missing())
class ByHand(unittest.TestCase):
    """Up, down and to a count that is no multiple, by the commands; alarms follow and every key stays in one shard."""

    def world(self, emulator, shards, streams=(STREAM,), **settings):
        emulator.kinesis.create(STREAM, shards)
        world = self.enterContext(kinescale.World(
            list(streams), "topic kinescale\n", SPEED,
            defaults={**kinescale.CLASSIC, "max_shards": 32, "cooldown": "1m", **settings}))
        world.aws.settings["AWS_ENDPOINT_URL_KINESIS"] = emulator.url
        make_alarms(world, ranges(emulator.kinesis.open_shards(STREAM)))
        return world

    def run_command(self, world, *words, **settings):
        world.defaults.update(settings)
        return kinescale.run(*words, "--config", world.config(name="by-hand.conf"), "--clock", world.clock,
                             environment=world.environment())

    def scale(self, world, emulator, count, resharding):
        """Returns how often each operation was called."""
        words = "scale", STREAM, "--to", str(count), "--output", "json"
        said = kinescale.eventually(lambda: [said for said in [self.run_command(world, *words, resharding=resharding)]
                                             if said.returncode != 3])[0]  # 3: the cooldown
        self.assertEqual(said.returncode, 0, said.stderr)
        document = json.loads(said.stdout)
        self.assertEqual((document["result"], document["reached_shards"], document["failure"]), ("done", count, ""))
        shards = ranges(emulator.kinesis.open_shards(STREAM))
        self.assertEqual(len(shards), count)
        kinescale.check_partition(shards)
        for start, end in shards if resharding == "split" else ():  # kinesis-local splits what it must, no more
            self.assertAlmostEqual((end - start + 1) * count / kinescale.HASH_KEYS, 1, 6)
        for metric in METRICS:
            self.assertEqual(world.aws.alarms(STREAM)[f"{STREAM} {metric}"]["Threshold"],
                             kinescale.expected_threshold(metric, 300, shards))
        done = [operation["operation"] for operation in document["operations"]]
        return {kind: done.count(kind) for kind in sorted(set(done))}

    def test_kinesis_local_there_and_back_by_splits_and_merges_then_by_update(self):
        with emulators.KinesisLocal(RESHARD_MS) as emulator:
            world = self.world(emulator, 4)
            self.assertEqual(self.scale(world, emulator, 8, "split"), {"split": 4})
            self.assertEqual(self.scale(world, emulator, 4, "split"), {"merge": 4})
            self.assertEqual(self.scale(world, emulator, 6, "update-shard-count"), {"update": 1})

    def test_kinesalite_there_and_back_and_to_six(self):
        with emulators.Kinesalite(RESHARD_MS) as emulator:
            world = self.world(emulator, 4)
            self.assertEqual(self.scale(world, emulator, 8, "split"), {"split": 4})
            self.assertEqual(self.scale(world, emulator, 4, "split"), {"merge": 4})
            self.assertEqual(self.scale(world, emulator, 6, "split"), {"merge": 2, "split": 4})

    def test_streams_of_a_pattern_are_found_and_brought_inside(self):
        """ListStreams, and the daemon's own merges."""
        for kind in (emulators.KinesisLocal, emulators.Kinesalite):
            with self.subTest(emulator=kind.name), kind(RESHARD_MS) as emulator:
                world = self.world(emulator, 4, ["ord*"], resharding="split", max_shards=2)
                emulator.kinesis.create("bills", 4)
                daemon = world.daemon()
                kinescale.eventually(lambda: len(emulator.kinesis.open_shards(STREAM)) == 2, what=lambda: daemon.log)
                daemon.wait_for_actions(STREAM)
                kinescale.check_partition(ranges(emulator.kinesis.open_shards(STREAM)))
                self.assertEqual(len(emulator.kinesis.open_shards("bills")), 4)
                daemon.stop()


if __name__ == "__main__":
    unittest.main()
