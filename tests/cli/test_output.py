"""What commands print: told when it cannot be written."""

import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from kinescale import PROGRAM, World, clean_environment  # noqa: E402

SCENE = "stream orders shards=2\ntopic kinescale\nalarms orders topic=kinescale\n"


class Output(unittest.TestCase):
    def to_a_full_disk(self, *words, environment=None):
        """Exit code and standard error."""
        with open("/dev/full", "w", encoding="utf-8") as full:
            ended = subprocess.run([PROGRAM, *words], stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE,
                                   text=True, timeout=60, check=False,
                                   env={**clean_environment(), **(environment or {})})
        return ended.returncode, ended.stderr

    def test_output_that_cannot_be_written_is_told_with_its_own_cause(self):
        self.assertEqual(self.to_a_full_disk("--help"),
                         (1, "error: cannot write the output: No space left on device\n"))
        with World(["orders"], SCENE) as world:
            # It writes in the middle; what failed there is not what failed last.
            code, said = self.to_a_full_disk("scale-down", "--dry-run", "--config", world.config(), "--clock",
                                             world.clock, environment=world.environment())
            self.assertEqual((code, said), (1, "error: cannot write all of the output\n"))

    def test_output_that_cannot_be_written_is_told_beside_another_failure(self):
        with World(["orders"], SCENE) as world:
            world.daemon().stop()
            path = world.write("letters.json", '{"Type": "Notification"}')
            code, said = self.to_a_full_disk("replay", "--config", world.config(name="by-hand.conf"), "--clock",
                                             world.clock, path, environment=world.environment())
            self.assertEqual((code, said), (4, "error: 1 message was refused\n"
                                            "error: cannot write the output: No space left on device\n"))


if __name__ == "__main__":
    unittest.main()
