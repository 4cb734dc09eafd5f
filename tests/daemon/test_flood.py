"""Floods over real sockets: genuine notifications, connections that say little, forged messages.

What is counted here is measured in tests/bench/bench_flood.c, ten times as large.
"""

import collections
import concurrent.futures
import http.client
import http.server
import json
import os
import resource
import socket
import sqlite3
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from kinescale import FLAVOUR, PATIENCE_S, PROGRAM, Process, World, eventually  # noqa: E402
from subscriber import Mailbox, alarm_text  # noqa: E402

SCENE = "topic kinescale signature=2\n"
STREAMS = 100
MESSAGES = 1000
CONNECTIONS = 32
COMMITS = "kinescale_sns_commits_total"
FETCHES = "kinescale_certificate_fetches_total"
# A genuine message is taken within one; a sanitizer takes its time.
SECONDS = 1 if FLAVOUR == "release" else 5


def count(result):
    return f'kinescale_sns_messages_total{{result="{result}"}}'


class Flood(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        files = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, files[1]), files[1]))
        cls.addClassCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, files)
        # No such stream at AWS: a turn ends at once, and the message stays what it is.
        cls.world = World([f"stream-{number}" for number in range(STREAMS)], SCENE, speed=1,
                          options=["--no-quotas"], settings={"reconcile_every": "1h", "log_level": "info"})
        cls.addClassCleanup(cls.world.close)
        cls.daemon = cls.world.daemon(subscribe=False)
        cls.mailbox = Mailbox(cls.world.aws)
        cls.addClassCleanup(cls.mailbox.close)
        cls.mailbox.subscribe("kinescale")

    def messages(self, number, first=0):
        """{MessageId: (headers, body)}"""
        ids = [self.world.aws.publish(alarm_text(f"alarm-{n}", stream=f"stream-{n % STREAMS}"))
               for n in range(first, first + number)]
        eventually(lambda: {m[1]["MessageId"] for m in self.mailbox.messages} >= set(ids))
        return {m[1]["MessageId"]: (m[0], m[2]) for m in self.mailbox.messages if m[1]["MessageId"] in set(ids)}

    def post_all(self, messages, connections=CONNECTIONS):
        """Over so many connections at the same time; counts the statuses and texts."""
        def post(share):
            connection = http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=PATIENCE_S)
            answers = collections.Counter()
            for headers, body in share:
                connection.request("POST", "/sns", body, headers)
                answer = connection.getresponse()
                answers[answer.status, answer.read().decode().strip()] += 1
            connection.close()
            return answers
        messages = list(messages)
        with concurrent.futures.ThreadPoolExecutor(connections) as pool:
            return sum(pool.map(post, (messages[n::connections] for n in range(connections))), collections.Counter())

    def stored(self):
        return [row[0] for row in self.world.rows("SELECT message_id FROM notifications")]

    def take_one(self):
        """A genuine message, over a connection of its own, is taken in time."""
        (message_id, (headers, body)), = self.messages(1).items()
        began = time.monotonic()
        answer = self.daemon.post(body, headers)
        took = time.monotonic() - began
        self.assertEqual((answer.status, answer.text), (200, "taken\n"))
        self.assertLess(took, SECONDS)
        self.assertIn(message_id, self.stored())

    # ---- genuine

    def test_of_a_thousand_none_is_lost_and_none_is_stored_twice(self):
        messages = self.messages(MESSAGES)
        twice = list(messages.values()) + list(messages.values())[::3]
        before = self.daemon.metrics()
        answers = self.post_all(twice)
        self.assertEqual(answers, {(200, "taken"): MESSAGES, (200, "seen before"): len(twice) - MESSAGES})
        stored = collections.Counter(self.stored())
        self.assertEqual({message_id: stored[message_id] for message_id in messages}, dict.fromkeys(messages, 1))
        after = self.daemon.metrics()
        self.assertEqual(after[count("accepted")] - before[count("accepted")], MESSAGES)
        self.assertEqual(after[count("repeated")] - before[count("repeated")], len(twice) - MESSAGES)

    def test_those_that_wait_are_stored_in_one_transaction_and_answered_after_it(self):
        messages = self.messages(60)
        before = self.daemon.metrics()[COMMITS]
        other = sqlite3.connect(self.world.database(), isolation_level=None, timeout=20)
        self.addCleanup(other.close)
        answers = []
        other.execute("BEGIN IMMEDIATE")
        threads = [threading.Thread(target=lambda m=m: answers.append(self.daemon.post(m[1], m[0]).status))
                   for m in messages.values()]
        for thread in threads:
            thread.start()
        time.sleep(1)  # all have been said; none is on the disk
        self.assertEqual(answers, [])
        self.assertEqual(self.daemon.admin("/healthz").status, 200)
        other.execute("ROLLBACK")
        for thread in threads:
            thread.join()
        self.assertEqual(answers, [200] * len(messages))
        self.assertLessEqual(set(messages), set(self.stored()))
        # The first alone, or with some; those that came meanwhile; under a sanitizer some stragglers.
        self.assertLessEqual(self.daemon.metrics()[COMMITS] - before, 2 if FLAVOUR == "release" else 10)

    # ---- strangers

    def test_more_slow_connections_than_there_is_room_for_keep_nobody_out(self):
        head = b"POST /sns HTTP/1.1\r\nHost: x\r\nx-amz-sns-message-type: Notification\r\nContent-Length: 1000\r\n"
        slow = []
        try:
            for number in range(1200):
                connection = socket.create_connection(("127.0.0.1", self.daemon.port), timeout=PATIENCE_S)
                slow.append(connection)
                try:
                    connection.sendall((b"", b"POST", head, head + b"\r\n", head + b"\r\n{")[number % 5])
                except OSError:
                    pass  # it had to make room already
            for _ in range(3):
                self.take_one()
        finally:
            for connection in slow:
                connection.close()

    def test_forged_messages_are_refused_one_by_one_and_keep_nobody_out(self):
        (headers, body), = self.messages(1).values()
        parsed = json.loads(body)

        def changed(**fields):
            return headers, json.dumps({**parsed, **fields}).encode()
        port = self.world.aws.port
        kinds = {
            "signature": changed(Message=parsed["Message"].replace("ALARM", "ALARN", 1)),
            "topic": changed(TopicArn=parsed["TopicArn"] + "x"),
            "host": changed(SigningCertURL=parsed["SigningCertURL"].replace(f":{port}", f".example.com:{port}")),
            "garbage": (headers, b"\x00\xff" * 500),
            "huge": changed(Message="x" * 1000000),
            "raw": ({**headers, "x-amz-sns-rawdelivery": "true"}, body),
        }
        self.take_one()  # whose certificate is known from now on
        before, stored = self.daemon.metrics(), len(self.stored())
        flood = [message for message in kinds.values() for _ in range(200 if message is not kinds["huge"] else 20)]
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            flooding = pool.submit(self.post_all, flood, 12)
            genuine = 0
            while not flooding.done():
                self.take_one()
                genuine += 1
            answers = flooding.result()
        self.assertEqual(answers, {(403, "refused"): len(flood)})
        self.assertEqual(self.daemon.metrics()[count("refused")] - before[count("refused")], len(flood))
        self.assertEqual(len(self.stored()), stored + genuine)
        self.assertEqual(self.daemon.metrics()[FETCHES], before[FETCHES])
        print(f"{len(flood)} forged messages refused, {genuine} genuine ones taken meanwhile", flush=True)

    def test_who_is_refused_again_and_again_does_not_fill_the_log(self):
        headers, body = {"x-amz-sns-message-type": "Notification"}, b"{}"
        answers = self.post_all([(headers, body)] * 3000)
        self.assertEqual(answers, {(403, "refused"): 3000})
        time.sleep(0.2)
        self.assertEqual(self.daemon.post(body, headers).status, 403)
        self.assertLess(len(self.daemon.log_lines("notification-refused")), 2500)
        self.assertRegex(self.daemon.log, r"lines-left-out count=\d+")


class DeadEnd(http.server.ThreadingHTTPServer):
    """Where SNS is for the daemon: AWS answers through it, but of certificates that are not there nothing comes."""

    daemon_threads = True

    def __init__(self, port):
        self.upstream = port
        self.held = threading.Event()
        self.asked = []
        super().__init__(("127.0.0.1", 0), DeadEndHandler)
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def close(self):
        self.held.set()
        self.shutdown()
        self.thread.join()
        self.server_close()


class DeadEndHandler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.upstream, timeout=30)
        upstream.request("GET", self.path)
        answer = upstream.getresponse()
        body = answer.read()
        upstream.close()
        if answer.status != 200:
            self.server.held.wait(PATIENCE_S)
        try:
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass  # nobody waited that long

    def log_message(self, *_):
        pass


class Certificates(unittest.TestCase):
    def test_certificates_that_never_come_keep_no_notification_waiting(self):
        with World(["orders"], SCENE, speed=1, settings={"reconcile_every": "1h"}) as world:
            dead_end = DeadEnd(world.aws.port)
            self.addCleanup(dead_end.close)
            sns = f"http://127.0.0.1:{dead_end.server_address[1]}"
            mailbox = Mailbox(world.aws)
            self.addCleanup(mailbox.close)
            mailbox.subscribe("kinescale")
            daemon = world.daemon(subscribe=False, environment={"AWS_ENDPOINT_URL_SNS": sns})

            def published(number, **fields):
                """What says where its certificate is, is not signed."""
                headers, parsed, _ = mailbox.publish("kinescale", alarm_text(f"alarm-{number}", stream="orders"))
                name = parsed["SigningCertURL"].rpartition("/")[2]
                return json.dumps({**parsed, "SigningCertURL": f"{sns}/{fields.get('name', name)}"}), headers

            def forged(number):
                return published(0, name=f"SimpleNotificationService-{number:032x}.pem")
            self.assertEqual(daemon.post(*published(0)).status, 200)
            body, headers = forged(0)
            with concurrent.futures.ThreadPoolExecutor(20) as pool:
                flooding = [pool.submit(daemon.post, body.replace("0" * 32, f"{number:032x}"), headers, timeout=60)
                            for number in range(100)]
                eventually(lambda: len(dead_end.asked) > 1)
                for number in range(1, 11):
                    message = published(number)
                    began = time.monotonic()
                    self.assertEqual(daemon.post(*message).status, 200)
                    self.assertLess(time.monotonic() - began, SECONDS)
                self.assertEqual(len(dead_end.asked), 2)  # the good one, and one at a time of the others
                self.assertFalse(all(answer.done() for answer in flooding))
                dead_end.held.set()
                self.assertEqual({answer.result().status for answer in flooding}, {503})
            self.assertLessEqual(len(dead_end.asked), 1 + 4)
            self.assertEqual(daemon.metrics()[FETCHES], len(dead_end.asked))


class Files(unittest.TestCase):
    def test_a_low_limit_on_open_files_is_raised(self):
        def low():
            resource.setrlimit(resource.RLIMIT_NOFILE, (256, 4096))
        with World(["orders"], "topic kinescale\nstream orders\n", speed=60) as world:
            daemon = world.daemon(preexec_fn=low)
            self.assertEqual(resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE), (1600, 4096))

    def test_a_limit_that_cannot_be_raised_is_told_at_the_start(self):
        def too_low():
            resource.setrlimit(resource.RLIMIT_NOFILE, (256, 1000))
        with World(["orders"], "topic kinescale\nstream orders\n", speed=60) as world:
            process = Process(world.folder, "short", ["serve", "--config", world.config(), "--clock", world.clock],
                              world.environment(), too_low)
            self.addCleanup(process.abandon)
            self.assertEqual(process.process.wait(PATIENCE_S), 2)
            self.assertIn("1600 files must be allowed to be open at the same time, not 1000", process.log)


if __name__ == "__main__":
    unittest.main()
