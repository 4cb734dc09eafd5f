"""kinescale dead-letters and replay: what three turns failed on, and what SNS could not deliver."""

import json
import os
import sqlite3
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from kinescale import World, eventually, free_port, run  # noqa: E402
from subscriber import Mailbox, alarm_text  # noqa: E402

SCENE = "stream orders shards=2\ntopic kinescale\nalarms orders topic=kinescale\n"


class Commands(unittest.TestCase):
    maxDiff = None

    def command(self, world, *words):
        return run(words[0], "--config", world.config(name="by-hand.conf"), "--clock", world.clock, *words[1:],
                   environment=world.environment())

    def statuses(self, world):
        return world.rows("SELECT status, reason FROM notifications ORDER BY id")


class DeadLetters(Commands):
    def test_a_dead_letter_is_told_shown_replayed_and_then_acted_on(self):
        with World(["orders"], SCENE, speed=600, defaults={"cooldown": "1m", "resharding": "split"},
                   settings={"reconcile_every": "1h"}) as world:
            nobody = {"AWS_ENDPOINT_URL_KINESIS": f"http://127.0.0.1:{free_port()}"}
            daemon = world.daemon(environment=nobody)
            world.aws.traffic("orders", "constant:4M")
            # The alarm, and its repetition by another metric, die one after the other.
            daemon.wait_for_log(r"dead-letter .*stream=orders")
            eventually(lambda: "dead letters: " in daemon.admin("/readyz").text)
            ready = daemon.admin("/readyz")
            self.assertEqual(ready.status, 200)
            self.assertRegex(ready.text, r"(?m)^dead letters: \d, the oldest of \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
            self.assertGreater(daemon.metrics()["kinescale_oldest_dead_letter_timestamp_seconds"], 1e9)
            daemon.stop()

            said = self.command(world, "dead-letters", "list", "--output", "json")
            letters = json.loads(said.stdout)["dead_letters"]
            self.assertEqual({letter["status"] for letter in letters}, {"dead"})
            first = str(letters[-1]["id"])
            self.assertRegex(self.command(world, "dead-letters", "list").stdout,
                             rf"(?m)^ *{first}  \S+  orders  orders-\w+  .*onnect")
            shown = self.command(world, "dead-letters", "show", first).stdout
            self.assertRegex(shown, r"(?m)^  attempts  3$")
            self.assertRegex(shown, r"(?m)^  died of   .*onnect")
            self.assertRegex(shown, r'(?m)^  said      \{"AlarmName":"orders-')
            body = json.loads(self.command(world, "dead-letters", "show", first, "--output", "json").stdout)["body"]
            self.assertEqual(json.loads(body)["NewStateValue"], "ALARM")

            said = self.command(world, "dead-letters", "replay", "--all")
            self.assertEqual((said.returncode, said.stderr), (0, ""))
            self.assertIn(f"{first}: waits for its turn again\n", said.stdout)
            self.assertEqual(self.command(world, "dead-letters", "list").stdout, "there are no dead letters\n")
            daemon = world.daemon(subscribe=False)
            daemon.wait_for_actions("orders", 1)
            self.assertGreater(len(world.aws.shards("orders")), 2)
            self.assertNotIn(4, [status for status, _ in self.statuses(world)])

    def test_one_that_is_dropped_keeps_what_it_died_of(self):
        with World(["orders"], SCENE) as world:
            world.daemon().stop()
            self.write(world, "INSERT INTO notifications (message_id, topic_arn, alarm_name, stream, shard, metric,"
                       " new_state, changed_ms, received_ms, status, attempts, reason)"
                       " VALUES ('m', 't', 'orders-x', 'orders', '', '', 'ALARM', 1, 1, 4, 3, 'timed out'),"
                       " ('n', 't', 'orders-x', 'orders', '', '', 'ALARM', 1, 1, 2, 0, '')")
            # All ids are looked at before the first letter is touched.
            said = self.command(world, "dead-letters", "drop", "1", "x")
            self.assertEqual((said.returncode, said.stdout), (2, ""))
            self.assertEqual(self.statuses(world)[0][0], 4)
            said = self.command(world, "dead-letters", "drop", "1")
            self.assertEqual((said.returncode, said.stdout, said.stderr), (0, "1: dropped\n", ""))
            self.assertEqual(self.statuses(world), [(3, "dropped by hand; died of: timed out"), (2, "")])
            for verb in ("show", "replay", "drop"):
                said = self.command(world, "dead-letters", verb, "2")
                self.assertEqual((said.returncode, said.stdout), (1, ""), verb)
                self.assertRegex(said.stderr, "^error: .*notification 2")

    def test_an_id_that_is_no_dead_letter_does_not_stop_the_others(self):
        with World(["orders"], SCENE) as world:
            world.daemon().stop()
            self.die(world, 3)
            said = self.command(world, "dead-letters", "drop", "1", "99999", "2", "3")
            self.assertEqual((said.returncode, said.stdout), (1, "1: dropped\n2: dropped\n3: dropped\n"))
            self.assertEqual(said.stderr, "error: there is no dead notification 99999\n"
                             "error: 1 of 4 are no dead letters\n")
            self.assertEqual([status for status, _ in self.statuses(world)], [3, 3, 3])

    def test_all_of_as_many_as_are_read_at_once_says_nothing_else(self):
        with World(["orders"], SCENE) as world:
            world.daemon().stop()
            self.die(world, 1000)
            said = self.command(world, "dead-letters", "drop", "--all")
            self.assertEqual((said.returncode, said.stdout.count(": dropped\n"), said.stderr), (0, 1000, ""))
            self.assertNotIn("no dead letters", said.stdout)
            self.assertEqual(self.command(world, "dead-letters", "drop", "--all").stdout, "there are no dead letters\n")

    def die(self, world, count):
        """So many dead letters, with the ids 1 to `count`."""
        self.write(world, "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number"
                   f" WHERE n < {count}) INSERT INTO notifications (message_id, topic_arn, alarm_name, stream, shard,"
                   " metric, new_state, changed_ms, received_ms, status, attempts, reason)"
                   " SELECT n, 't', 'orders-x', 'orders', '', '', 'ALARM', 1, 1, 4, 3, 'timed out' FROM number")

    def test_wrong_words_are_refused(self):
        with World(["orders"], SCENE) as world:
            said = self.command(world, "dead-letters", "list")
            self.assertEqual(said.returncode, 1)
            self.assertIn("nothing is known yet", said.stderr)
            for words, why in (((), "what shall be done"), (("lits",), "not 'lits'"), (("list", "1"), "takes no id"),
                               (("show",), "needs one or more ids"), (("show", "--all"), "no use for --all"),
                               (("drop",), "or --all"), (("drop", "--all", "1"), "or --all"),
                               (("replay", "-1"), "no option"), (("replay", "0"), "is no id")):
                said = self.command(world, "dead-letters", *words)
                self.assertEqual((said.returncode, said.stdout), (2, ""), words)
                self.assertIn(why, said.stderr)

    def test_a_fault_of_the_command_line_is_told_before_a_file_is_looked_for(self):
        with tempfile.TemporaryDirectory() as folder:
            for words, why in ((["dead-letters"], "what shall be done?  list, show, replay or drop"),
                               (["dead-letters", "show"], "'show' needs one or more ids"),
                               (["dead-letters", "list", "--output", "xml"], "xml"),
                               (["pause"], "which stream?"), (["resume"], "which stream?"),
                               (["pause", "orders", "--for", "soon"], "--for must be a duration")):
                said = run(*words, folder=folder)
                self.assertEqual((said.returncode, said.stdout), (2, ""), words)
                self.assertIn(why, said.stderr)
                self.assertNotIn("streams.conf", said.stderr)

    def write(self, world, sql):
        with sqlite3.connect(world.database()) as connection:
            connection.execute(sql)
        connection.close()


class Replay(Commands):
    @classmethod
    def setUpClass(cls):
        cls.world = World(["orders"], SCENE, speed=60)
        cls.addClassCleanup(cls.world.close)
        cls.mailbox = Mailbox(cls.world.aws)
        cls.addClassCleanup(cls.mailbox.close)
        cls.mailbox.subscribe("kinescale")

    def letter(self, name, **fields):
        """A body as SNS would have left it in the queue, with some of its members changed after it was signed."""
        _, parsed, body = self.mailbox.publish("kinescale", alarm_text(name))
        return json.dumps({**parsed, **fields}) if fields else body.decode()

    def replay(self, text):
        return self.command(self.world, "replay", self.world.write("letters.json", text))

    def stored(self, name):
        return self.world.rows("SELECT status FROM notifications WHERE alarm_name = ?", name)

    def test_bodies_messages_and_answers_are_taken_once(self):
        bodies = [self.letter(f"letter-{i}") for i in range(4)]
        messages = [{"MessageId": str(i), "ReceiptHandle": "r", "Body": body} for i, body in enumerate(bodies)]
        text = bodies[0] + "\n" + json.dumps(messages[1]) + json.dumps({"Messages": messages[2:]}, indent=4) + "\n"
        said = self.replay(text)
        self.assertEqual((said.returncode, said.stderr), (0, ""))
        self.assertTrue(said.stdout.endswith("\n4 taken, 0 ignored, 0 seen before, 0 refused\n"), said.stdout)
        self.assertRegex(said.stdout, r"(?m)^message 3: taken: [0-9a-f-]{36}, alarm letter-2$")
        self.assertEqual([self.stored(f"letter-{i}") for i in range(4)], [[(0,)]] * 4)
        self.assertTrue(self.replay(text).stdout.endswith("\n0 taken, 0 ignored, 4 seen before, 0 refused\n"))

    def test_an_old_one_is_taken_and_a_forged_one_is_not(self):
        old = self.letter("long-ago")
        # 60 times as fast since two minutes longer: two hours later.
        base, speed = self.world.clock.split("@")
        path = self.world.write("old.json", old + self.letter("forged", Message=alarm_text("other")))
        said = run("replay", "--config", self.world.config(name="by-hand.conf"), "--clock",
                   f"{int(base) - 122034}@{speed}", path, environment=self.world.environment())
        self.assertEqual(said.returncode, 4, said.stdout)
        self.assertIn("error: 1 message was refused", said.stderr, said.stdout)
        self.assertRegex(said.stdout, r"message 2: SNS message refused: the signature does not match\n"
                                      r"1 taken, 0 ignored, 0 seen before, 1 refused\n$")
        self.assertEqual((self.stored("long-ago"), self.stored("forged"), self.stored("other")), ([(0,)], [], []))

    def test_what_is_no_letter_is_refused_whole(self):
        good = self.letter("beside-a-bad-one")
        for text, why in (("[]", "object 1"), (good + "{}", "object 2: neither an answer of ReceiveMessage"),
                          (good + '{"Messages": 1}', "'Messages' is no list"),
                          (good + '{"Messages": [{}]}', "has no 'Body'"), (good[:-1], "object 1"),
                          ("{" * 100, "object 1"), (good + "garbage", "nothing was taken from")):
            said = self.replay(text)
            self.assertEqual((said.returncode, said.stdout), (1, ""), text[:40])
            self.assertIn(why, said.stderr)
        self.assertEqual(self.stored("beside-a-bad-one"), [])
        self.assertEqual(self.replay("\n").stdout, "0 taken, 0 ignored, 0 seen before, 0 refused\n")
        self.assertEqual(self.command(self.world, "replay").returncode, 2)
        self.assertEqual(self.command(self.world, "replay", "/nowhere").returncode, 2)


if __name__ == "__main__":
    unittest.main()
