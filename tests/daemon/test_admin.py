"""The admin listener: alive, ready, counted, known."""

import json
import math
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from kinescale import CLASSIC, World, eventually, run  # noqa: E402

SCENE = """topic kinescale
stream orders shards=2
alarms orders topic=kinescale
traffic orders load=constant:1.7M record=4096
stream clicks shards=1
"""

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')


class Prometheus:
    """A strict reader of the text format 0.0.4: anything a scraper could stumble over is an error."""

    def __init__(self, text):
        assert text.endswith("\n"), "the last line must end"
        self.types, self.helps, self.samples = {}, {}, {}
        current = None
        for line in text[:-1].split("\n"):
            if line.startswith("# HELP "):
                name, _, text_of = line[7:].partition(" ")
                assert re.fullmatch(NAME, name) and text_of, line
                assert name not in self.helps, f"a second HELP: {line}"
                self.helps[name] = text_of
                current = name
            elif line.startswith("# TYPE "):
                name, _, kind = line[7:].partition(" ")
                assert name == current and name not in self.types, f"TYPE must follow its HELP once: {line}"
                assert kind in ("counter", "gauge"), line
                self.types[name] = kind
            else:
                self.take_sample(line, current)
        assert set(self.types) == set(self.helps)

    def take_sample(self, line, current):
        match = SAMPLE.fullmatch(line)
        assert match, f"no sample: {line!r}"
        name, labels, value = match.groups()
        assert name == current, f"not in the group of its family: {line}"
        pairs, rest = [], labels or ""
        while rest:
            label = LABEL.match(rest)
            assert label, f"no label: {line}"
            pairs.append((label.group(1), label.group(2)))
            rest = rest[label.end():]
        assert len({key for key, _ in pairs}) == len(pairs), f"a label twice: {line}"
        number = float(value)
        assert math.isfinite(number), line
        if self.types[name] == "counter":
            assert name.endswith("_total") and number >= 0, f"no counter: {line}"
        key = (name, *sorted(pairs))
        assert key not in self.samples, f"a sample twice: {line}"
        self.samples[key] = number

    def get(self, name, **labels):
        return self.samples[(name, *sorted(labels.items()))]


FAMILIES = {
    "kinescale_build_info": "gauge",
    "kinescale_config_last_reload_successful": "gauge",
    "kinescale_config_last_reload_success_timestamp_seconds": "gauge",
    "kinescale_sns_messages_total": "counter",
    "kinescale_sns_commits_total": "counter",
    "kinescale_log_lines_lost_total": "counter",
    "kinescale_certificate_fetches_total": "counter",
    "kinescale_turns_total": "counter",
    "kinescale_reconciles_total": "counter",
    "kinescale_passes_total": "counter",
    "kinescale_last_reconcile_timestamp_seconds": "gauge",
    "kinescale_aws_requests_total": "counter",
    "kinescale_aws_retries_total": "counter",
    "kinescale_aws_throttled_total": "counter",
    "kinescale_aws_failures_total": "counter",
    "kinescale_aws_seconds_total": "counter",
    "kinescale_notifications": "gauge",
    "kinescale_oldest_dead_letter_timestamp_seconds": "gauge",
    "kinescale_actions_total": "counter",
    "kinescale_actions_failed_total": "counter",
    "kinescale_actions_running": "gauge",
    "kinescale_steps_total": "counter",
    "kinescale_open_shards": "gauge",
    "kinescale_effective_shards": "gauge",
    "kinescale_cooldown_seconds": "gauge",
    "kinescale_stream_paused": "gauge",
    "kinescale_stream_hot_key": "gauge",
    "kinescale_stream_failures": "gauge",
}
TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"


class Admin(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World(["orders", "clicks"], SCENE, speed=60,
                          defaults={**CLASSIC, "cooldown": "6h", "resharding": "split"},
                          settings={"reconcile_every": "10s"})
        cls.addClassCleanup(cls.world.close)
        cls.daemon = cls.world.daemon()
        cls.before = Prometheus(cls.daemon.admin("/metrics").text)
        cls.action, = cls.daemon.wait_for_actions("orders", 1)

    def test_healthz_says_alive(self):
        answer = self.daemon.admin("/healthz")
        self.assertEqual((answer.status, answer.text), (200, "alive\n"))

    def test_readyz_names_every_check(self):
        answer = self.daemon.admin("/readyz")
        self.assertEqual((answer.status, answer.text), (200, "store: ok\nworkers: ok\ncredentials: ok\naws: ok\n"))

    def test_metrics_are_prometheus_text_with_the_names_that_are_promised(self):
        answer = self.daemon.admin("/metrics")
        self.assertEqual((answer.status, answer.headers["Content-Type"]),
                         (200, "text/plain; version=0.0.4; charset=utf-8"))
        metrics = Prometheus(answer.text)
        self.assertEqual(metrics.types, FAMILIES)
        self.assertEqual(self.before.types, FAMILIES)

    def test_metrics_count_what_happened(self):
        metrics = Prometheus(self.daemon.admin("/metrics").text)
        splits = len([r for r in self.world.aws.requests("SplitShard") if r["status"] == 200])
        self.assertGreater(splits, 0)
        for name, labels, wanted in (
                ("kinescale_steps_total", {"operation": "split", "outcome": "accepted"}, splits),
                ("kinescale_steps_total", {"operation": "split", "outcome": "refused"}, 0),
                ("kinescale_aws_requests_total", {"service": "kinesis", "operation": "SplitShard"}, splits),
                ("kinescale_aws_failures_total", {"service": "kinesis", "operation": "SplitShard"}, 0),
                ("kinescale_actions_total", {"kind": "scale-up"}, 1), ("kinescale_actions_failed_total", {}, 0),
                ("kinescale_actions_running", {}, 0), ("kinescale_certificate_fetches_total", {}, 1),
                ("kinescale_sns_messages_total", {"result": "confirmed"}, 1),
                ("kinescale_sns_messages_total", {"result": "refused"}, 0),
                ("kinescale_open_shards", {"stream": "orders"}, self.action["to_shards"]),
                ("kinescale_effective_shards", {"stream": "orders"}, self.action["to_shards"]),
                ("kinescale_stream_failures", {"stream": "orders"}, 0)):
            with self.subTest(name=name, **labels):
                self.assertEqual(metrics.get(name, **labels), wanted)
        self.assertGreater(metrics.get("kinescale_cooldown_seconds", stream="orders"), 0)
        now = self.world.aws.now().timestamp()
        self.assertAlmostEqual(metrics.get("kinescale_last_reconcile_timestamp_seconds"), now, delta=600)
        self.assertEqual(metrics.get("kinescale_build_info", version=run("--version").stdout.split()[-1]), 1)

    def test_counters_never_fall(self):
        metrics = Prometheus(self.daemon.admin("/metrics").text)
        for key, value in self.before.samples.items():
            if self.before.types[key[0]] == "counter":
                self.assertGreaterEqual(metrics.samples[key], value, key)

    def test_status_has_every_configured_stream(self):
        status = self.daemon.admin("/status")
        self.assertEqual((status.status, status.headers["Content-Type"]), (200, "application/json"))
        streams = {stream["stream"]: stream for stream in status.json()["streams"]}
        self.assertEqual(set(streams), {"orders", "clicks"})
        orders = streams["orders"]
        self.assertEqual((orders["state"], orders["open_shards"], orders["failures"], orders["last_error"]),
                         ("cooldown", self.action["to_shards"], 0, ""))
        self.assertRegex(orders["cooldown_until"], TIME)
        self.assertRegex(orders["last_scale_up"], TIME)
        self.assertIsNone(orders["last_scale_down"])

    def test_a_stream_has_its_story(self):
        story = self.daemon.stream("orders")
        action, = story["actions"]
        self.assertEqual((action["kind"], action["state"], action["from_shards"], action["failure"]),
                         ("scale-up", "done", 2, ""))
        self.assertEqual([step["outcome"] for step in action["steps"]], ["accepted"] * (action["to_shards"] - 2))
        for step in action["steps"]:
            self.assertRegex(step["intended"], TIME)
            self.assertRegex(step["active"], TIME)
            self.assertRegex(step["shard"], r"^shardId-\d{12}$")
            self.assertTrue(0 < int(step["new_starting_hash_key"]) < 2 ** 128)
        self.assertGreater(len(story["decisions"]), 0)
        self.assertEqual({decision["action"] for decision in story["decisions"]}, {action["id"]})
        self.assertIn("within the target of 60 %", story["decisions"][0]["reason"])
        self.assertTrue(all(isinstance(decision["inputs"], dict) for decision in story["decisions"]))
        acted = [n for n in story["notifications"] if n["status"] == "acted"]
        self.assertGreater(len(acted), 0)
        self.assertEqual({n["action"] for n in acted}, {action["id"]})

    def test_a_stream_that_is_not_configured_is_404(self):
        for name in ("nothing", "ORDERS", "orders%2f..", "a" * 200, "%00"):
            self.assertIn(self.daemon.admin(f"/streams/{name}").status, (400, 404), name)
        self.assertEqual(self.daemon.admin("/streams/nothing").text, "stream 'nothing' is not configured\n")

    def test_other_methods_and_paths(self):
        for method, path, status in (("POST", "/healthz", 405), ("DELETE", "/streams/orders", 405),
                                     ("GET", "/", 404), ("POST", "/sns", 404), ("GET", "/streams", 404),
                                     ("GET", "/streams/", 404), ("GET", "/sim/state", 404)):
            self.assertEqual(self.daemon.admin(path, method=method).status, status, (method, path))
        head = self.daemon.admin("/metrics", method="HEAD")
        self.assertEqual((head.status, head.body), (200, b""))

    def test_the_command_shows_the_same(self):
        path = os.path.join(self.world.folder, "streams-1.conf")
        told = json.loads(run("status", "--config", path, "--output", "json", "--clock", self.world.clock).stdout)
        served = self.daemon.admin("/status").json()
        self.assertEqual(served.pop("configuration").keys(),
                         {"loaded", "reload_tried", "reload_error", "restart_needed_for"})
        for one in (told, served):
            one.pop("at")
            for stream in one["streams"]:
                stream.pop("due")
                stream.pop("seen")
        self.assertEqual(told, served)

    def test_no_secret_is_anywhere(self):
        secret = self.world.aws.keys[1]
        texts = [self.daemon.log, *(self.daemon.admin(path).text for path in
                                    ("/readyz", "/metrics", "/status", "/streams/orders"))]
        eventually(lambda: len(texts[0]) > 0)
        for text in texts:
            self.assertNotIn(secret, text)
        for name in os.listdir(self.world.folder):
            with open(os.path.join(self.world.folder, name), "rb") as file:
                if name.startswith("kinescale.db"):
                    self.assertNotIn(secret.encode(), file.read(), name)

    def test_the_database_is_nobody_elses(self):
        for name in os.listdir(self.world.folder):
            if name.startswith("kinescale.db"):
                self.assertEqual(os.stat(os.path.join(self.world.folder, name)).st_mode & 0o777, 0o600, name)


if __name__ == "__main__":
    unittest.main()
