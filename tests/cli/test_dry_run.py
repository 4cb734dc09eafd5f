"""What a command would do, on a machine where no daemon has ever run: told as AWS has it, with nothing left behind."""

import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from kinescale import CLASSIC, World, run  # noqa: E402

SCENE = "stream orders shards=4\nstream clicks shards=3\n"
LOOKS = (
    ("scale-down", "--dry-run", "--output", "json"),
    ("scale", "orders", "--to", "6", "--dry-run"),
    ("split", "orders", "shardId-000000000003", "--dry-run"),
    ("merge", "orders", "shardId-000000000000", "shardId-000000000001", "--dry-run"),
    ("plan",),
)


class DryRun(unittest.TestCase):
    def test_a_dry_run_makes_no_database_and_knows_the_shards(self):
        with World(["orders", "clicks"], SCENE, per_stream={"clicks": CLASSIC}) as world:
            config = world.config()
            before = sorted(os.listdir(world.folder))
            for words in LOOKS:
                with self.subTest(words[0]):
                    said = run(*words, "--config", config, "--clock", world.clock, environment=world.environment())
                    self.assertEqual((said.returncode, said.stderr), (0, ""))
                    self.assertEqual(sorted(os.listdir(world.folder)), before)
                    if "json" in words:
                        rows = {row["stream"]: (row["from_shards"], row["to_shards"])
                                for row in json.loads(said.stdout)}
                        self.assertEqual(rows, {"orders": (4, 4), "clicks": (3, 3)})


if __name__ == "__main__":
    unittest.main()
