"""POST /sns over real sockets with what must not be obeyed: a 4xx each, one line in the log, nothing stored."""

import base64
import json
import os
import socket
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from kinescale import PATIENCE_S, ROOT, World, eventually  # noqa: E402
from subscriber import Mailbox, alarm_text  # noqa: E402

SCENE = """topic kinescale
topic other
topic old signature=1
topic new signature=2
stream orders shards=2
alarms orders topic=kinescale
"""
BODY_MAX = 2 * 1024 * 1024
SUITE = os.path.join(ROOT, "..", "shared", "data", "malformed", "json", "test_parsing")


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        topics = ", ".join(f"arn:aws:sns:us-east-1:000000000000:{name}" for name in ("kinescale", "old", "new"))
        cls.world = World(["orders"], SCENE, speed=10, settings={"reconcile_every": "1h", "topic_arn": topics})
        cls.addClassCleanup(cls.world.close)
        cls.daemon = cls.world.daemon(subscribe=False)
        cls.mailbox = Mailbox(cls.world.aws)
        cls.addClassCleanup(cls.mailbox.close)
        cls.asked = {topic: cls.mailbox.subscribe(topic) for topic in ("kinescale", "other", "old", "new")}

    def stored(self):
        return self.world.rows("SELECT message_id, status, reason, body FROM notifications ORDER BY id")

    def refused_lines(self):
        return self.daemon.log_lines("notification-refused", "request-refused", "intake-failed")

    def refuse(self, body, headers, statuses=(403,), why="", **request):
        """A 4xx, one line in the log, nothing stored, and still serving."""
        stored, lines = self.stored(), self.refused_lines()
        answer = self.daemon.post(body, headers, **request)
        self.assertIn(answer.status, statuses, answer.body)
        new = self.refused_lines()[len(lines):]
        self.assertEqual(len(new), 1, new)
        self.assertIn(why, new[0])
        self.assertEqual(self.stored(), stored)
        self.assertEqual(self.daemon.admin("/healthz").status, 200)
        return answer

    def changed(self, message, **fields):
        headers, parsed, _ = message
        return json.dumps({key: value for key, value in {**parsed, **fields}.items() if value is not None}), headers

    def take(self, message, expected="taken\n"):
        headers, _, body = message
        answer = self.daemon.post(body, headers)
        self.assertEqual((answer.status, answer.text), (200, expected))

    # ---- what is genuine, so that the rest is refused for the right reason

    def test_genuine_messages_of_both_signature_versions_are_taken_once(self):
        for topic, version in (("old", "1"), ("new", "2")):
            message = self.mailbox.publish(topic, alarm_text("unknown", stream="not-ours"))
            self.assertEqual(message[1]["SignatureVersion"], version)
            before = len(self.stored())
            self.take(message)
            after = self.stored()
            self.assertEqual(len(after), before + 1)
            for _ in range(3):
                self.take(message, "seen before\n")
            self.assertEqual(self.stored(), after)

    def test_a_replay_changes_nothing_and_is_no_second_action(self):
        message = self.mailbox.publish("kinescale", alarm_text("orders-IncomingBytes", stream="not-ours"))
        repeated = 'kinescale_sns_messages_total{result="repeated"}'
        self.take(message)
        rows, count = self.stored(), self.daemon.metrics()[repeated]
        # The same message in another JSON is the same message.
        self.assertEqual(self.daemon.post(*self.changed(message)).status, 200)
        self.assertEqual(self.daemon.post(json.dumps(message[1], indent=4), message[0]).status, 200)
        self.assertEqual((self.stored(), self.daemon.metrics()[repeated]), (rows, count + 2))

    def test_messages_that_are_no_alarms_are_kept_with_the_reason_and_change_nothing(self):
        for text in ("hello", "{}", "[" * 10000, json.dumps({"AlarmName": 7}), alarm_text("x" * 2000),
                     alarm_text("fine", state="OK"), alarm_text("fine", stream="orders; DROP TABLE streams")):
            message = self.mailbox.publish("kinescale", text)
            before = len(self.stored())
            self.take(message)
            rows = self.world.rows("SELECT status, reason FROM notifications ORDER BY id")[before:]
            self.assertEqual([status for status, _ in rows], [3], text[:40])
            self.assertNotEqual(rows[0][1], "")
        self.assertEqual(self.daemon.stream("orders")["actions"], [])

    # ---- forged

    def test_one_changed_byte_in_any_signed_field(self):
        message = self.mailbox.publish("new", alarm_text("unsigned-field", stream="not-ours"))
        self.assertEqual(self.daemon.post(*self.changed(message, Unsigned="a field that nobody signs")).status, 200)
        for topic in ("old", "new"):
            message = self.mailbox.publish(topic, alarm_text("forged-" + topic))
            parsed = message[1]
            signature = bytearray(base64.b64decode(parsed["Signature"]))
            signature[17] ^= 1
            stamp = parsed["Timestamp"]
            for field, value in (
                    ("Message", parsed["Message"].replace("ALARM", "ALARN", 1)),
                    ("Message", parsed["Message"] + " "),
                    ("MessageId", ("1" if parsed["MessageId"][0] == "0" else "0") + parsed["MessageId"][1:]),
                    ("Subject", "a subject that was not there"),
                    ("Timestamp", stamp[:-2] + ("0" if stamp[-2] != "0" else "1") + "Z"),
                    ("TopicArn", f"arn:aws:sns:us-east-1:000000000000:{'new' if topic == 'old' else 'old'}"),
                    ("Signature", base64.b64encode(signature).decode()),
                    ("SignatureVersion", "1" if parsed["SignatureVersion"] == "2" else "2")):
                with self.subTest(topic=topic, field=field):
                    body, headers = self.changed(message, **{field: value})
                    self.refuse(body, headers, why="signature does not match")

    def test_a_confirmation_with_a_changed_byte(self):
        headers, parsed, body = self.asked["kinescale"]
        answers = len(self.world.aws.requests("ConfirmSubscription"))
        for field in ("Token", "Message", "SubscribeURL"):
            forged = parsed[field][:-1] + ("0" if parsed[field][-1] != "0" else "1")
            with self.subTest(field=field):
                self.refuse(*self.changed((headers, parsed, body), **{field: forged}), why="signature")
        self.assertEqual(len(self.world.aws.requests("ConfirmSubscription")), answers)

    def test_unsigned_and_half_signed(self):
        message = self.mailbox.publish("new", alarm_text("unsigned"))
        for fields in ({"Signature": None}, {"Signature": ""}, {"Signature": "AAAA"}, {"Signature": "not base64"},
                       {"SigningCertURL": None}, {"SignatureVersion": None}, {"SignatureVersion": "3"},
                       {"MessageId": None}, {"Timestamp": None}, {"Timestamp": "now"}, {"Message": None},
                       {"Message": 7}, {"Message": {"a": 1}}, {"Type": "notification"}, {"TopicArn": ["x"]}):
            with self.subTest(fields=fields):
                self.refuse(*self.changed(message, **fields))

    def test_certificates_from_elsewhere_are_not_even_fetched(self):
        message = self.mailbox.publish("new", alarm_text("foreign"))
        url, port = message[1]["SigningCertURL"], self.world.aws.port
        fetches = self.daemon.metrics()["kinescale_certificate_fetches_total"]
        with socket.create_server(("127.0.0.1", 0)) as trap:
            trap.setblocking(False)
            trap_port = trap.getsockname()[1]
            for address in (url.replace(f":{port}", f":{trap_port}"), url.replace("http:", "https:"),
                            url.replace("127.0.0.1", f"127.0.0.1:{port}@127.0.0.1:{trap_port}"),
                            url.replace("127.0.0.1", "localhost"), url.replace("127.0.0.1:", "127.0.0.1.evil:"),
                            url + "?", url + "#x", url + "/x.pem", url.replace(".pem", ".crt"),
                            f"http://127.0.0.1:{port}/../x.pem", f"http://127.0.0.1:{port}//x.pem",
                            f"http://127.0.0.1:{trap_port}/x.pem", f"file:///etc/passwd.pem", "", "x" * 5000):
                with self.subTest(url=address[:80]):
                    self.refuse(*self.changed(message, SigningCertURL=address), why="SigningCertURL")
            with self.assertRaises(BlockingIOError):
                trap.accept()
        self.assertEqual(self.daemon.metrics()["kinescale_certificate_fetches_total"], fetches)

    def test_a_genuine_message_of_a_topic_that_is_not_on_the_list(self):
        headers, _, body = self.mailbox.publish("other", alarm_text("orders-IncomingBytes"))
        self.refuse(body, headers, why="not on the list of topics to obey")
        headers, _, body = self.asked["other"]
        self.refuse(body, headers, why="not on the list of topics to obey")

    def test_header_and_body_must_agree(self):
        headers, _, body = self.mailbox.publish("new", alarm_text("header"))
        for kind in ("SubscriptionConfirmation", "UnsubscribeConfirmation", "Other", "", "notification"):
            with self.subTest(kind=kind):
                self.refuse(body, {**headers, "x-amz-sns-message-type": kind})
        self.refuse(body, {name: value for name, value in headers.items() if name != "x-amz-sns-message-type"})

    def test_raw_delivery_is_refused_whatever_it_carries(self):
        headers, parsed, body = self.mailbox.publish("new", alarm_text("raw"))
        raw = {**headers, "x-amz-sns-rawdelivery": "true"}
        self.refuse(body, raw, why="raw")
        self.refuse(parsed["Message"], raw, why="raw")

    # ---- malformed

    def test_bodies_that_are_too_large(self):
        headers, parsed, _ = self.mailbox.publish("new", "x")
        padded = json.dumps({**parsed, "Padding": ""})
        exact = json.dumps({**parsed, "Padding": "x" * (BODY_MAX - len(padded))})
        self.assertEqual(len(exact), BODY_MAX)
        self.refuse(b"x" * BODY_MAX, headers)
        stored, lines = self.stored(), len(self.refused_lines())
        head = b"POST /sns HTTP/1.1\r\nHost: x\r\nx-amz-sns-message-type: Notification\r\n"
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        for body in (b"Content-Length: %d\r\n\r\n" % (BODY_MAX + 1) + exact.encode() + b" ",
                     b"Content-Length: 99999999999\r\n\r\n" + exact.encode(),
                     b"Transfer-Encoding: chunked\r\n\r\n" + chunk * (BODY_MAX // 65536) + b"1\r\nx\r\n0\r\n\r\n"):
            # Refused by its headers alone: who is still sending may see the connection close before the answer.
            self.assertIn(self.raw(head + body)[:12], (b"", b"HTTP/1.1 413"))
            lines += 1
            self.assertEqual(len(self.refused_lines()), lines)
            self.assertIn("method=POST path=/sns status=413", self.refused_lines()[-1])
        self.assertEqual(self.stored(), stored)
        self.take(self.mailbox.publish("new", alarm_text("small", stream="not-ours")))

    def test_bodies_that_are_no_message(self):
        headers, _, body = self.mailbox.publish("new", "x")
        deep = b'{"a":' * 5000
        for text in (b"", b"{", b"[]", b"null", b"7", b'"x"', b"[" * 10000, b"[" * 10000 + b"]" * 10000, deep,
                     deep + b"1" + b"}" * 5000, body[:-1], body + b"{}", b"\x00" * 100, b"\xff\xfe{}", b"{}",
                     body.replace(b'"Type"', b'"Type":"Notification","Type"', 1),
                     b"{" + b",".join(b'"k%d":1' % n for n in range(20000)) + b"}"):
            with self.subTest(text=text[:30], length=len(text)):
                self.refuse(text, headers)

    def test_bodies_of_the_public_json_suite(self):
        if not os.path.isdir(SUITE):
            self.skipTest("../shared/data/malformed is missing")
        headers, _, _ = self.mailbox.publish("new", "x")
        stored, lines = self.stored(), self.refused_lines()
        names = sorted(name for name in os.listdir(SUITE) if name.startswith(("n_", "y_")))
        for name in names:
            with open(os.path.join(SUITE, name), "rb") as file:
                self.assertEqual(self.daemon.post(file.read(), headers).status, 403, name)
        reasons = self.refused_lines()[len(lines):]
        self.assertEqual(len(reasons), len(names))
        for name, reason in zip(names, reasons):
            malformed = "the body: not JSON" in reason or "the body: JSON nested deeper" in reason
            self.assertEqual(malformed, name.startswith("n_"), f"{name}: {reason}")
        self.assertEqual(self.stored(), stored)

    def test_other_methods_and_paths(self):
        for method, path, status in (("GET", "/sns", 405), ("PUT", "/sns", 405), ("DELETE", "/sns", 405),
                                     ("GET", "/", 404), ("POST", "/", 404), ("POST", "/sns/", 404),
                                     ("POST", "/sns/x", 404), ("GET", "/metrics", 404), ("GET", "/status", 404),
                                     ("POST", "//sns", 404), ("GET", "/../../etc/passwd", 404),
                                     ("POST", "/sns%00", 404)):
            with self.subTest(method=method, path=path):
                answer = self.refuse(None, {}, (status, 400), method=method, path=path)
                if answer.status == 405:
                    self.assertEqual(answer.headers["Allow"], "POST")

    # ---- sockets

    def raw(self, data, seconds=PATIENCE_S):
        """What comes back until the connection is closed."""
        with socket.create_connection(("127.0.0.1", self.daemon.port), timeout=seconds) as connection:
            answer = b""
            try:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                while piece := connection.recv(65536):
                    answer += piece
            except OSError:
                pass  # refused in the middle of it: an answer that came before counts
            return answer

    def test_requests_that_are_no_http(self):
        body = self.mailbox.publish("new", alarm_text("smuggled"))[2]
        head = b"POST /sns HTTP/1.1\r\nHost: x\r\nx-amz-sns-message-type: Notification\r\n"
        length = b"Content-Length: %d\r\n" % len(body)
        stored = self.stored()
        for data in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500, b"\r\n\r\n\r\n", b"GET\r\n\r\n",
                     b"POST /sns HTTP/9.9\r\n\r\n", head + length + length + b"\r\n" + body,
                     head + length + b"Transfer-Encoding: chunked\r\n\r\n" + body,
                     head + b"Content-Length: -1\r\n\r\n" + body, head + b"Content-Length: 0x10\r\n\r\n" + body,
                     head + b"Transfer-Encoding: gzip\r\n\r\n" + body,
                     head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + body,
                     head + b"X: " + b"y" * 100000 + b"\r\n" + length + b"\r\n" + body,
                     b"POST /" + b"y" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
                     b"".join([head, *(b"X-%d: y\r\n" % n for n in range(5000)), length, b"\r\n", body]),
                     head + length + b"\r\n" + body[:-10]):
            with self.subTest(data=data[:60]):
                answer = self.raw(data)
                self.assertNotIn(b" 200 ", answer[:20])
                self.assertNotIn(b" 500 ", answer[:20])
                self.assertEqual(self.stored(), stored)
                self.assertEqual(self.daemon.admin("/healthz").status, 200)

    def test_slow_clients_are_put_up_with_for_ten_seconds_and_disturb_nobody(self):
        head = b"POST /sns HTTP/1.1\r\nHost: x\r\nx-amz-sns-message-type: Notification\r\nContent-Length: 1000\r\n"
        slow = []
        try:
            for number in range(300):
                connection = socket.create_connection(("127.0.0.1", self.daemon.port), timeout=PATIENCE_S)
                slow.append(connection)
                connection.sendall((b"", b"POST", head, head + b"\r\n", head + b"\r\n{")[number % 5])
            began = time.monotonic()
            for number in range(5):
                self.take(self.mailbox.publish("new", alarm_text(f"fast-{number}", stream="not-ours")))
            self.assertLess(time.monotonic() - began, 8)
            # Some of them say a little now and then: that keeps nobody alive for ever.
            ended = 0
            while slow and time.monotonic() - began < PATIENCE_S:
                for connection in slow[:]:
                    connection.setblocking(False)
                    try:
                        if slow.index(connection) % 7 == 0:
                            connection.send(b"x")
                        if connection.recv(4096) == b"":
                            raise ConnectionResetError
                    except BlockingIOError:
                        continue
                    except OSError:
                        connection.close()
                        slow.remove(connection)
                        ended += 1
                time.sleep(0.2)
            self.assertEqual((len(slow), ended), (0, 300))
        finally:
            for connection in slow:
                connection.close()
        self.take(self.mailbox.publish("new", alarm_text("afterwards", stream="not-ours")))


class Old(unittest.TestCase):
    def test_what_was_signed_more_than_an_hour_ago(self):
        with World(["orders"], SCENE, speed=1800, settings={"reconcile_every": "1h"}) as world:
            daemon = world.daemon(subscribe=False)
            mailbox = Mailbox(world.aws)
            self.addCleanup(mailbox.close)
            mailbox.subscribe("kinescale")
            taken = mailbox.publish("kinescale", alarm_text("orders-IncomingBytes", stream="not-ours"))
            self.assertEqual(daemon.post(taken[2], taken[0]).status, 200)
            new = mailbox.publish("kinescale", alarm_text("late", stream="not-ours"))
            began = world.aws.now()
            eventually(lambda: (world.aws.now() - began).total_seconds() > 3700)
            rows = world.rows("SELECT * FROM notifications")
            for headers, _, body in (taken, new):
                self.assertEqual(daemon.post(body, headers).status, 403)
            self.assertEqual(len(daemon.log_lines("notification-refused")), 2)
            self.assertIn("more than an hour ago", daemon.log_lines("notification-refused")[-1])
            self.assertEqual(world.rows("SELECT * FROM notifications"), rows)


if __name__ == "__main__":
    unittest.main()
