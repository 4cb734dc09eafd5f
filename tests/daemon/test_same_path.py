"""serve and backtest are one program: the same load leads to the same resharding calls.

Once with a daemon that is sent signed messages over HTTP and asks a simulated AWS that keeps time, and once as `backtest`
has it, in one process and in virtual time.  The load is one that leaves no choice: however the minutes lie under it, the
demand asks for the same shards.
"""

import datetime
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import kinescale

MIB = 1048576
SPEED = 600
# Minutes and MiB/s: the 2 shards are enough; are not; are again, and the two that were added are given back.
LOAD = [(15, 0.5), (30, 1.95), (100, 0.3), (20, 1.95)]
STREAMS = {"by-splits": "split", "by-count": "update-shard-count"}
# An alarm fires from 1.6 MiB/s on: between that and 1.95 the load asks for 4 shards, also in a minute that is only
# partly as high.
SETTINGS = {"min_shards": 2, "max_shards": 4, "target_utilization": "50%", "scale_down_threshold": "40%",
            "scale_down_window": "30m", "scale_down_every": "5m", "cooldown": "2m"}

STEPS = """SELECT kind, shard, adjacent, new_start, target FROM steps
           WHERE stream = ? AND outcome = 1 ORDER BY id"""  # those that AWS accepted
LINES = {
    "split": lambda line: ("split", line["shard"], line["key"]),
    "merge": lambda line: ("merge", *line["shards"]),
    "update": lambda line: ("update", line["target"]),
}


class SamePath(unittest.TestCase):
    def served(self, world):
        """What the daemon asked AWS for and got, by stream."""
        daemon = world.daemon(scale_down_schedule="internal")
        for stream in STREAMS:
            world.aws.traffic(stream, "steps:" + ",".join(f"{m}m={v * MIB:.0f}" for m, v in LOAD))
        end = world.aws.now() + datetime.timedelta(minutes=sum(m for m, _ in LOAD))
        kinescale.eventually(lambda: world.aws.now() >= end)
        daemon.stop()
        return {stream: [self.step(*row) for row in world.rows(STEPS, stream)] for stream in STREAMS}

    @staticmethod
    def step(kind, shard, adjacent, new_start, target):
        return (("split", shard, new_start), ("merge", shard, adjacent), ("update", target))[kind]

    def replayed(self, world, stream):
        operations = os.path.join(world.folder, "operations.jsonl")
        values = [v * MIB * 60 for m, v in LOAD for _ in range(m)]
        load = world.write(
            "load.csv", "minute,bytes,records\n" + "".join(f"{i},{v},{v / 2048}\n" for i, v in enumerate(values)))
        done = kinescale.run("backtest", "--config", os.path.join(world.folder, "streams-1.conf"), "--load", load,
                             "--stream", stream, "--initial-shards", "2", "--operations", operations)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(operations, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        return [LINES[line["op"]](line) for line in lines[1:] if not line.get("refused")]

    def test_one_scene_in_both_leads_to_the_same_operations(self):
        scene = "topic kinescale\n" + "".join(
            f"stream {stream} shards=2\nalarms {stream} topic=kinescale\n" for stream in STREAMS)
        with kinescale.World(streams=list(STREAMS), scene=scene, speed=SPEED, defaults=SETTINGS,
                             per_stream={s: {"resharding": how} for s, how in STREAMS.items()}) as world:
            served = self.served(world)
            for stream in STREAMS:
                with self.subTest(stream=stream):
                    replayed = self.replayed(world, stream)
                    self.assertEqual(served[stream], replayed)
                    self.assertGreaterEqual(len(replayed), 3)  # up, down, and up again


if __name__ == "__main__":
    unittest.main()
