"""What commands print: one line each, whatever is in a name; told when it cannot be written."""

import json
import os
import sqlite3
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from kinescale import PROGRAM, World, clean_environment, run  # noqa: E402
from subscriber import Mailbox, alarm_text  # noqa: E402

SCENE = "stream orders shards=2\ntopic kinescale\nalarms orders topic=kinescale\n"


NAME = "\x1b[31mred\nfake\u009b\x7f\tend"  # an operator would take the second line for one of ours
PLAIN = r"\x1b[31mred\nfake\xc2\x9b\x7f\tend"


class Escaped(unittest.TestCase):
    def test_no_name_of_an_alarm_commands_a_terminal_or_begins_a_line(self):
        with World(["orders"], SCENE) as world:
            mailbox = Mailbox(world.aws)
            self.addCleanup(mailbox.close)
            mailbox.subscribe("kinescale")
            world.daemon().stop()
            _, _, letter = mailbox.publish("kinescale", alarm_text(NAME))
            said = self.command(world, "replay", world.write("letters.json", letter.decode()))
            self.assertIn("alarm " + PLAIN, said)
            self.assertEqual(len(said.splitlines()), 2, said)
            self.assertIn(f"pending  {PLAIN} -> ALARM", self.command(world, "status", "orders"))
            told = json.loads(self.command(world, "status", "orders", "--output", "json"))
            self.assertEqual(told["notifications"][0]["alarm"], NAME)
            with sqlite3.connect(world.database()) as connection:
                connection.execute("UPDATE notifications SET status = 4, reason = ?", (NAME,))
            connection.close()
            row = self.command(world, "dead-letters", "list").splitlines()[1]
            self.assertEqual(row.count(PLAIN), 2, row)
            shown = self.command(world, "dead-letters", "show", "1")
            self.assertIn(f"alarm '{PLAIN}' of stream", shown)
            self.assertIn(f"  died of   {PLAIN}\n", shown)

    def test_the_habits_of_a_stream_are_told_with_its_rhythm(self):
        with World(["orders"], SCENE, defaults={"policy": "adaptive"}) as world:
            world.daemon().stop()
            self.assertIn("  adaptive: more shards above 80 % of the capacity, fewer after 60 minutes; by default until "
                          "a day of the load is known\n", self.command(world, "status", "orders"))
            for stored, name, told in ((0, "none", ""), (1, "day", " and before what comes every day"),
                                       (2, "week", " and before what comes every week")):
                with sqlite3.connect(world.database()) as connection:
                    connection.execute("INSERT OR REPLACE INTO habits (stream, learned_ms, learned, hold_minutes, line,"
                                       " rhythm) VALUES ('orders', 1795225221000, 1, 45, 0.95, ?)", (stored,))
                connection.close()
                self.assertIn(f"  adaptive: more shards above 95 % of the capacity{told}, fewer after 45 minutes; learned "
                              "2026-11-21T", self.command(world, "status", "orders"))
                habits = json.loads(self.command(world, "status", "orders", "--output", "json"))["habits"]
                self.assertEqual((habits["rhythm"], habits["hold_minutes"], habits["line"]), (name, 45, 0.95))

    def command(self, world, *words):
        """Standard output; for people it holds nothing but lines of plain characters."""
        ended = run(words[0], "--config", world.config(name="by-hand.conf"), "--clock", world.clock, *words[1:],
                    environment=world.environment())
        self.assertEqual((ended.returncode, ended.stderr), (0, ""), ended.stdout)
        plain = all(character.isprintable() for character in ended.stdout.replace("\n", ""))
        self.assertTrue(plain or "json" in words, ended.stdout)
        return ended.stdout


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
