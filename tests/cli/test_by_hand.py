"""kinescale scale, split, merge, pause and resume: with and without a daemon, against the simulated AWS."""

import contextlib
import json
import os
import pty
import sqlite3
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import kinescale  # noqa: E402
from kinescale import World, eventually, run  # noqa: E402

SCENE = "stream orders shards=4\ntopic kinescale\n"


def on_terminal(words, answer, environment):
    """(exit code, all that was said) of a command whose input and output are a terminal."""
    process, terminal = pty.fork()
    if process == 0:
        os.execve(kinescale.PROGRAM, [kinescale.PROGRAM, *words], {**kinescale.clean_environment(), **environment})
    said = b""
    answered = False
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        said += part
        if not answered and b"(y/N) " in said:
            answered = True
            os.write(terminal, answer)
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), said.decode()


class ByHand(unittest.TestCase):
    maxDiff = None

    def command(self, world, name, *words):
        return run(name, "--config", world.config(name="by-hand.conf"), "--clock", world.clock, *words,
                   environment=world.environment())


class Scale(ByHand):
    def test_a_stream_is_scaled_without_a_daemon_and_its_alarms_follow(self):
        with World(["orders"], SCENE, speed=90, defaults={"cooldown": "1h", "resharding": "split"}) as world:
            world.aws.make_alarms("orders")
            said = self.command(world, "scale", "orders", "--to", "6", "--dry-run")
            self.assertEqual((said.returncode, said.stderr), (0, ""))
            self.assertTrue(said.stdout.startswith(
                "orders: by hand: from 4 to 6 shards, splits: 4, merges: 2\n"), said.stdout)
            self.assertEqual(len(said.stdout.splitlines()), 8)
            self.assertEqual(len(world.aws.shards("orders")), 4)

            said = self.command(world, "scale", "orders", "--to", "6")
            self.assertEqual(said.returncode, 0, said.stderr)
            self.assertRegex(said.stdout, r"(?m)^\S+  orders  by-hand #1: by hand: from 4 to 6 shards")
            self.assertRegex(said.stdout, r"(?m)^\S+  orders  split shardId-000000000000 : accepted$")
            self.assertRegex(said.stdout, r"orders  4 to 6 shards\n$")
            kinescale.check_partition(world.aws.shards("orders"))
            self.assertEqual(len(world.aws.shards("orders")), 6)
            self.assertEqual(world.aws.alarms("orders")["orders-IncomingBytes"]["Threshold"],
                             kinescale.expected_threshold("IncomingBytes", 60, world.aws.shards("orders")))

            again = self.command(world, "scale", "orders", "--by", "-50%")
            self.assertEqual((again.returncode, again.stdout), (3, ""))
            why = r"stream 'orders' is in its cooldown for another \d+ s, until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
            self.assertRegex(again.stderr, rf"^error: {why}\n$")
            dry = self.command(world, "scale", "orders", "--by", "1", "--dry-run")
            self.assertEqual((dry.returncode, dry.stderr), (3, ""))
            self.assertTrue(dry.stdout.startswith("orders: by hand: from 6 to 7 shards, "), dry.stdout)
            self.assertRegex(dry.stdout, rf"\nit would be refused now: {why}\n$")
            dry = self.command(world, "scale", "orders", "--by", "1", "--dry-run", "--output", "json")
            document = json.loads(dry.stdout)
            self.assertEqual((dry.returncode, document["result"], document["to_shards"]), (3, "refused", 7))
            self.assertRegex(document["refusal"], f"^{why}$")
            self.assertEqual(len(world.aws.shards("orders")), 6)

    def test_json_is_one_document_whatever_is_told_meanwhile(self):
        with World(["orders"], SCENE, speed=90, defaults={"cooldown": "1m", "resharding": "split"}) as world:
            for words, result in ((("--to", "4"), "nothing"), (("--to", "5", "--dry-run"), "planned")):
                said = self.command(world, "scale", "orders", *words, "--output", "json")
                self.assertEqual(said.returncode, 0, said.stderr)
                document = json.loads(said.stdout)
                self.assertEqual((document["result"], "action" in document), (result, False))
            self.assertEqual((document["from_shards"], document["to_shards"], document["peak_shards"]), (4, 5, 6))
            self.assertEqual({step["operation"] for step in document["operations"]}, {"split", "merge"})

            said = self.command(world, "split", "orders", "shardId-000000000001", "--output", "json")
            self.assertEqual(said.returncode, 0, said.stderr)
            document = json.loads(said.stdout)
            self.assertEqual([document[name] for name in ("stream", "result", "action", "reached_shards", "failure")],
                             ["orders", "done", 1, 5, ""])
            self.assertEqual([(step["operation"], step["shard"], step["shards_after"])
                              for step in document["operations"]], [("split", "shardId-000000000001", 5)])
            self.assertIn("orders  4 to 5 shards", said.stderr)

            merge = ("merge", "orders", "shardId-000000000004", "shardId-000000000005", "--output", "json")
            eventually(lambda: self.command(world, *merge, "--dry-run").returncode == 0)
            document = json.loads(self.command(world, *merge, "--no-wait").stdout)
            self.assertEqual((document["result"], document["action"]), ("begun", 2))
            again = self.command(world, *merge)
            self.assertEqual((again.returncode, again.stdout), (3, ""))

            wrong = self.command(world, "scale", "orders", "--to", "5", "--output", "yaml")
            self.assertEqual((wrong.returncode, wrong.stdout, wrong.stderr),
                             (2, "", "error: --output must be table or json, not 'yaml'\n"))

    def test_named_shards_are_split_and_merged(self):
        with World(["orders"], SCENE, speed=90, defaults={"cooldown": "1m"}) as world:
            said = self.command(world, "split", "orders", "shardId-000000000003")
            self.assertEqual((said.returncode, len(world.aws.shards("orders"))), (0, 5), said.stdout + said.stderr)
            eventually(lambda: self.command(world, "merge", "orders", "shardId-000000000005", "shardId-000000000004",
                                            "--dry-run").returncode == 0)
            said = self.command(world, "merge", "orders", "shardId-000000000005", "shardId-000000000004")
            self.assertEqual((said.returncode, len(world.aws.shards("orders"))), (0, 4), said.stdout + said.stderr)
            kinescale.check_partition(world.aws.shards("orders"))

    def test_on_a_terminal_it_asks_first(self):
        try:
            for end in pty.openpty():
                os.close(end)
        except OSError as error:  # a bare chroot has no /dev/pts
            self.skipTest(str(error))
        with World(["orders"], SCENE, speed=90, defaults={"resharding": "split"}) as world:
            words = ("scale", "--config", world.config(name="by-hand.conf"), "--clock", world.clock, "orders",
                     "--to", "5")
            for answer, code, shards in ((b"\n", 1, 4), (b"n\n", 1, 4), (b"y\n", 0, 5)):
                with self.subTest(answer=answer):
                    ended, said = on_terminal(words, answer, world.environment())
                    self.assertEqual(ended, code, said)
                    self.assertIn("do it? (y/N) ", said)
                    self.assertEqual("nothing was done" in said, code == 1)
                    self.assertEqual(len(world.aws.shards("orders")), shards)

    def test_a_daemon_goes_on_with_what_was_begun(self):
        with World(["orders"], SCENE, speed=90, defaults={"resharding": "split"}) as world:
            daemon = world.daemon()
            said = self.command(world, "scale", "orders", "--by", "2", "--no-wait")
            self.assertEqual(said.returncode, 0, said.stderr)
            daemon.wait_for_log(r" action-ended .*kind=by-hand from=4 to=6 ")
            self.assertIn('kinescale_actions_total{kind="by-hand"} 1\n', daemon.admin("/metrics").text)

    def test_wrong_words_are_named(self):
        with World(["orders"], SCENE, speed=1) as world:
            for words, code, complaint in (
                    (["scale", "--to", "6"], 2, "scale takes one stream, not 0"),
                    (["scale", "orders"], 2, "scale needs --to or --by, and not both"),
                    (["scale", "orders", "--to", "6", "--by", "2"], 2, "scale needs --to or --by, and not both"),
                    (["scale", "orders", "--to", "0"], 2, "--to must be 1 to 10000 shards, not '0'"),
                    (["scale", "orders", "--by", "some"], 2,
                     "--by must be shards or percent, as 4, -2 or 50%, not 'some'"),
                    (["scale", "orders", "--by", "0"], 2, "--by must be shards or percent, as 4, -2 or 50%, not '0'"),
                    (["scale", "orders", "--to", "17"], 2, "stream 'orders' would have 17 shards, max_shards is 16"),
                    (["scale", "oders", "--to", "6"], 2, "stream 'oders' is not configured"),
                    (["split", "orders"], 2, "name a stream and its shards"),
                    (["merge", "orders", "shardId-000000000000"], 2,
                     "shards are merged in pairs: name an even number, not 1"),
                    (["split", "orders", "shardId-000000000000", "shardId-000000000000"], 2,
                     "shard 'shardId-000000000000' is named twice"),
                    (["merge", "orders", "shardId-000000000000", "shardId-000000000000"], 2,
                     "shard 'shardId-000000000000' is named twice"),
                    (["split", "orders", "shardId-9"], 1, "stream 'orders' has no open shard 'shardId-9'")):
                said = self.command(world, *words)
                self.assertEqual((said.returncode, said.stdout, said.stderr), (code, "", f"error: {complaint}\n"))


class UnknownStream(ByHand):
    def test_every_command_says_so_in_the_same_words(self):
        with World(["orders"], SCENE, speed=1) as world:
            self.command(world, "resume", "orders")  # there is a database now
            for words in (["scale", "oders", "--to", "6"], ["split", "oders", "shardId-0"], ["pause", "oders"],
                          ["plan", "orders", "oders"], ["scale-down", "orders", "oders"], ["status", "oders"]):
                said = self.command(world, *words)
                self.assertEqual((said.returncode, said.stdout, said.stderr),
                                 (2, "", "error: stream 'oders' is not configured\n"), words)


class Plan(ByHand):
    def test_a_stream_that_is_missing_at_aws_does_not_hide_the_others(self):
        with World(["gone", "orders"], SCENE, speed=1) as world:
            for words in ((), ("gone", "orders")):
                said = self.command(world, "plan", *words, "--to", "8")
                self.assertEqual(said.returncode, 1)
                self.assertRegex(said.stderr, r"^error: .*'gone'.*\n$")
                self.assertIn("orders: by hand\n  4 splits and 0 merges lead from 4 shards to 8 even\n", said.stdout)
                said = self.command(world, "plan", *words, "--to", "8", "--output", "json")
                self.assertEqual((said.returncode, [row["stream"] for row in json.loads(said.stdout)]),
                                 (1, ["orders"]))


    def test_what_an_adaptive_stream_without_datapoints_would_do_rests_on_what_is_said_of_its_demand(self):
        """The plan is what an alarm would lead to now; there is none."""
        with World(["orders"], SCENE, speed=600, defaults={"policy": "adaptive", "missing_data": "idle"}) as world:
            said = self.command(world, "plan", "orders").stdout
            self.assertIn("  CloudWatch has no minute of the last 5, so an alarm alone decides: 4 shards become 8, "
                          "the next whole generation\n", said)
            self.assertIn("  demand      unknown: CloudWatch has no recent datapoint\n", said)

            world.aws.traffic("orders", "constant:1M")
            world.aws.wait_for_volume("orders", 1)
            world.aws.traffic("orders", "constant:0")
            idle = "demand      0.00 shards' worth in the newest minute; one without a datapoint is taken as missing_data says"
            eventually(lambda: idle in self.command(world, "plan", "orders").stdout)
            self.assertIn("  the newest minute asks for 0.00 shards' worth", self.command(world, "plan", "orders").stdout)


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
            self.assertRegex(self.command(world, "pause", "orders", "--for", "365d").stdout, r"^orders: paused until \d{4}-")
            for said in ("resumed", "was not paused", "was not paused"):
                result = self.command(world, "resume", "orders")
                self.assertEqual((result.returncode, result.stdout), (0, f"orders: {said}\n"))

    def test_one_is_not_many_and_an_error_that_is_over_has_no_time(self):
        with World(["orders"], SCENE, speed=1) as world:
            self.command(world, "resume", "orders")
            for failures, error, shards in ((0, "", 1), (1, "timed out", 2)):
                with contextlib.closing(sqlite3.connect(world.database())) as database, database:
                    database.execute("UPDATE streams SET failures = ?, last_error = ?, last_error_ms = 1000, "
                                     "open_shards = ?", (failures, error, shards))
                status = json.loads(self.command(world, "status", "--output", "json").stdout)["streams"][0]
                self.assertEqual(status["last_error_at"], "1970-01-01T00:00:01Z" if error else None)
                said = self.command(world, "status", "orders").stdout
                self.assertIn(f", {shards} shard{'s' if shards > 1 else ''} worth ", said)
                self.assertEqual("\n  failed 1 time in a row, last at 1970-01-01T00:00:01Z: timed out\n" in said,
                                 failures == 1)

    def test_wrong_words_are_named_and_nothing_is_paused(self):
        with World(["orders"], SCENE, speed=1) as world:
            for words, complaint in ((["pause"], "error: which stream?  Name one or more\n"),
                                     (["resume"], "error: which stream?  Name one or more\n"),
                                     (["pause", "orders", "oders"], "error: stream 'oders' is not configured\n"),
                                     (["pause", "orders", "--for", "soon"],
                                      "error: --for must be a duration as 30m or 2h, at most 365d, not 'soon'\n"),
                                     (["pause", "orders", "--for", "0s"],
                                      "error: --for must be a duration as 30m or 2h, at most 365d, not '0s'\n"),
                                     (["pause", "orders", "--for", "366d"],
                                      "error: --for must be a duration as 30m or 2h, at most 365d, not '366d'\n"),
                                     (["pause", "orders", "--for", "999999999999999999999d"],
                                      "error: --for must be a duration as 30m or 2h, at most 365d, not "
                                      "'999999999999999999999d'\n")):
                said = self.command(world, *words)
                self.assertEqual((said.returncode, said.stdout, said.stderr), (2, "", complaint))
            self.assertEqual(self.command(world, "resume", "orders").returncode, 0)
            status = json.loads(self.command(world, "status", "--output", "json").stdout)["streams"][0]
            self.assertFalse(status["paused"])


if __name__ == "__main__":
    unittest.main()
