"""kinescale pause and resume: with and without a daemon, against the simulated AWS."""

import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from kinescale import World, eventually, run  # noqa: E402

SCENE = "stream orders shards=4\ntopic kinescale\n"


class ByHand(unittest.TestCase):
    maxDiff = None

    def command(self, world, name, *words):
        return run(name, "--config", world.config(name="by-hand.conf"), "--clock", world.clock, *words,
                   environment=world.environment())


class Pause(ByHand):
    def test_a_paused_stream_is_left_alone_until_it_is_resumed(self):
        with World(["orders"], SCENE, speed=90, defaults={"cooldown": "1m", "resharding": "split"}) as world:
            daemon = world.daemon()
            world.aws.make_alarms("orders")
            said = self.command(world, "pause", "orders")
            self.assertEqual((said.returncode, said.stdout, said.stderr),
                             (0, "orders: paused until it is resumed\n", ""))
            world.aws.traffic("orders", world.aws.rate(0.9, "orders"))
            deferred = eventually(lambda: [n for n in daemon.stream("orders")["notifications"]
                                           if n["status"] == "deferred"])
            self.assertEqual(deferred[0]["reason"], "the stream is paused until it is resumed")
            self.assertEqual(len(world.aws.shards("orders")), 4)
            self.assertEqual((daemon.stream("orders")["state"], daemon.stream("orders")["paused"]), ("paused", True))
            self.assertIn('kinescale_stream_paused{stream="orders"} 1\n', daemon.admin("/metrics").text)
            self.assertIn("paused until it is resumed", self.command(world, "status", "orders").stdout)

            self.assertEqual(self.command(world, "resume", "orders").stdout, "orders: resumed\n")
            eventually(lambda: len(world.aws.shards("orders")) == 8)
            self.assertIn('kinescale_stream_paused{stream="orders"} 0\n', daemon.admin("/metrics").text)

    def test_a_pause_with_an_end_says_when(self):
        with World(["orders"], SCENE, speed=1) as world:
            self.assertRegex(self.command(world, "pause", "orders", "--for", "2h").stdout,
                             r"^orders: paused until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n$")
            status = json.loads(self.command(world, "status", "--output", "json").stdout)["streams"][0]
            self.assertEqual((status["state"], status["paused"]), ("paused", True))
            self.assertRegex(status["paused_until"], r"^\d{4}-")

    def test_wrong_words_are_named_and_nothing_is_paused(self):
        with World(["orders"], SCENE, speed=1) as world:
            for words, complaint in ((["pause"], "error: which stream?  Name one or more\n"),
                                     (["resume"], "error: which stream?  Name one or more\n"),
                                     (["pause", "orders", "oders"], "error: stream 'oders' is not configured\n"),
                                     (["pause", "orders", "--for", "soon"],
                                      "error: --for must be a duration as 30m or 2h, not 'soon'\n"),
                                     (["pause", "orders", "--for", "0s"],
                                      "error: --for must be a duration as 30m or 2h, not '0s'\n")):
                said = self.command(world, *words)
                self.assertEqual((said.returncode, said.stdout, said.stderr), (2, "", complaint))
            self.assertEqual(self.command(world, "resume", "orders").returncode, 0)
            status = json.loads(self.command(world, "status", "--output", "json").stdout)["streams"][0]
            self.assertFalse(status["paused"])


if __name__ == "__main__":
    unittest.main()
