"""The program as separate processes: a simulated AWS, daemons, what lies between them, and how to look at it.

    with World(streams=["orders"], scene="stream orders shards=2\n...") as world:
        daemon = world.daemon()
        world.aws.traffic("orders", "constant:4M")
        daemon.wait_for_log("action-ended")

Everything listens on 127.0.0.1, lives in one temporary folder, and is gone when the world closes.  A process
that a sanitizer complained about, or that did not end with exit code 0 when it was asked to, fails the test.
Needs nothing but Python's own library: requests are signed here.
"""

import contextlib
import datetime
import fractions
import hashlib
import hmac
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
import urllib.parse
import xml.etree.ElementTree

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
PROGRAM = os.path.abspath(os.environ.get("KINESCALE", os.path.join(ROOT, "build/release/kinescale")))
FLAVOUR = os.environ.get("KINESCALE_FLAVOUR", "release")

# Under valgrind everything takes longer: simulated time then goes slower, too.
SLOWER = 4 if FLAVOUR == "valgrind" else 1
# Waits are long because machines are slow; nothing waits longer than it must.
PATIENCE_S = 60 * SLOWER
HASH_KEYS = 2 ** 128
SHARD_BYTES = 1048576
SHARD_RECORDS = 1000

# For tests of its rules: alarms at 80 %, a target of 60 %, a cooldown after everything, the pass of a quiet day.
CLASSIC = {"policy": "classic"}

SANITIZER = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|SUMMARY: \w+Sanitizer"
                       r"|(?m:^==\d+== )")  # of valgrind


def eventually(question, seconds=PATIENCE_S, what="it never came to be"):
    """Asks until the answer is true, and returns it."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(what() if callable(what) else what)
        time.sleep(0.02)


def free_ports(count):
    """So many, each another one, below those that Linux gives to connections and to servers on port 0: none of a
    test that runs beside this one is among them by chance."""
    ports = []
    for port in random.sample(range(10240, 32768), 1000):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            ports.append(port)
        if len(ports) == count:
            return ports
    raise AssertionError(f"of 1000 ports fewer than {count} are free")


def free_port():
    return free_ports(1)[0]


# ---- HTTP


class Answer:
    def __init__(self, status, body, headers):
        self.status = status
        self.body = body
        self.headers = headers

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)


def http_request(port, method, path, body=None, headers=None, timeout=20, tls=None):
    if tls is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    else:
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=timeout, context=tls)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return Answer(answer.status, answer.read(), answer.headers)
    finally:
        connection.close()


# ---- processes


class Process:
    """One run of the program; its log is a file, so that nothing blocks and nothing is lost by a kill."""

    def __init__(self, folder, name, arguments, environment=None, preexec_fn=None):
        self.name = name
        self.out_path = os.path.join(folder, name + ".out")
        self.log_path = os.path.join(folder, name + ".log")
        with open(self.out_path, "wb") as out, open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [PROGRAM, *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=log, cwd=folder,
                env={**clean_environment(), **(environment or {})}, preexec_fn=preexec_fn)

    @property
    def pid(self):
        return self.process.pid

    def is_running(self):
        return self.process.poll() is None

    def read(self, path):
        with open(path, "rb") as file:
            return file.read().decode(errors="replace")

    @property
    def out(self):
        return self.read(self.out_path)

    @property
    def log(self):
        return self.read(self.log_path)

    def log_lines(self, *events):
        """Lines of these events, as written."""
        names = "|".join(map(re.escape, events))
        return [line for line in self.log.splitlines() if re.match(rf"\S+ \w+ +({names})( |$)", line)]

    def wait_for_log(self, pattern, count=1, seconds=PATIENCE_S):
        """Waits for `count` matches; returns the last."""
        def look():
            found = list(re.finditer(pattern, self.log, re.M))
            if len(found) < count and not self.is_running():
                raise AssertionError(f"{self.name} ended without '{pattern}':\n{self.log}")
            return found[count - 1] if len(found) >= count else None
        return eventually(look, seconds, lambda: f"{self.name} never said '{pattern}':\n{self.log}")

    def kill(self):
        """As a power cut would."""
        self.process.kill()
        self.process.wait()
        self.check_sanitizers()

    def pause(self):
        """Every thread of it stands still when this returns."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def wait(self, seconds=PATIENCE_S):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} does not end:\n{self.log}") from None

    def stop(self):
        if self.is_running():
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(signal.SIGTERM)
            if self.wait() != 0:
                raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.log}")
        self.check_sanitizers()

    def check_sanitizers(self):
        log = self.log
        if SANITIZER.search(log):
            raise AssertionError(f"a sanitizer complained about {self.name}:\n{log}")

    def abandon(self):
        """For the way out of a failed test: nothing is checked."""
        if self.is_running():
            self.process.kill()
            self.process.wait()


def clean_environment():
    """Nothing of the account, the proxy or the profile of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith("AWS_") and name.lower() not in ("http_proxy", "https_proxy", "all_proxy")}
    kept["AWS_EC2_METADATA_DISABLED"] = "true"
    kept["AWS_CONFIG_FILE"] = kept["AWS_SHARED_CREDENTIALS_FILE"] = "/dev/null"
    kept.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    return kept


def run(*arguments, folder=None, environment=None, seconds=PATIENCE_S):
    """A command that ends by itself."""
    result = subprocess.run([PROGRAM, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            timeout=seconds, cwd=folder, env={**clean_environment(), **(environment or {})})
    if SANITIZER.search(result.stderr):
        raise AssertionError("a sanitizer complained:\n" + result.stderr)
    return result


# ---- the simulated AWS


class AwsError(Exception):
    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code


def sign(url_host, region, service, keys, headers, body):
    """Signature Version 4 of a POST to '/'."""
    now = datetime.datetime.now(datetime.timezone.utc)
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    headers = {**{name.lower(): value for name, value in headers.items()}, "host": url_host, "x-amz-date": stamp}
    names = ";".join(sorted(headers))
    canonical = "\n".join(["POST", "/", "", *(f"{name}:{headers[name]}" for name in sorted(headers)), "", names,
                           hashlib.sha256(body).hexdigest()])
    scope = f"{day}/{region}/{service}/aws4_request"
    key = ("AWS4" + keys[1]).encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={keys[0]}/{scope}, SignedHeaders={names}, "
                                f"Signature={signature}")
    return headers


class SimulatedAws(Process):
    JSON = {"kinesis": ("Kinesis_20131202", "application/x-amz-json-1.1"),
            "monitoring": ("GraniteServiceVersion20100801", "application/x-amz-json-1.0")}

    def __init__(self, folder, clock, scene, options=(), port=0, name="sim-aws"):
        scene_path = os.path.join(folder, name + ".scene")
        with open(scene_path, "w", encoding="utf-8") as file:
            file.write(scene)
        super().__init__(folder, name, ["sim-aws", "--listen", f"127.0.0.1:{port}", "--clock", clock,
                                        "--scene", scene_path, *options])
        try:
            eventually(lambda: "serve --clock" in self.out or not self.is_running())
            if not self.is_running():
                raise AssertionError("sim-aws did not start:\n" + self.log)
        except BaseException:
            self.abandon()
            raise
        self.settings = dict(re.findall(r"^export (\w+)='?([^'\n]*)'?$", self.out, re.M))
        self.url = self.settings["AWS_ENDPOINT_URL"]
        self.port = int(self.url.rpartition(":")[2])
        self.region = self.settings["AWS_REGION"]
        self.keys = self.settings["AWS_ACCESS_KEY_ID"], self.settings["AWS_SECRET_ACCESS_KEY"]

    def topic_arn(self, name="kinescale"):
        return f"arn:aws:sns:{self.region}:000000000000:{name}"

    def call(self, service, operation, **members):
        """One operation; like any client, a little later again when it was too fast."""
        def attempt():
            try:
                return [self.call_once(service, operation, members)]
            except AwsError as error:
                if error.code not in ("ThrottlingException", "LimitExceededException"):
                    raise
                return None
        return eventually(attempt, 10)[0]

    def call_once(self, service, operation, members):
        target, content_type = self.JSON[service]
        body = json.dumps(members).encode()
        headers = sign(f"127.0.0.1:{self.port}", self.region, service, self.keys,
                       {"Content-Type": content_type, "X-Amz-Target": f"{target}.{operation}"}, body)
        answer = http_request(self.port, "POST", "/", body, headers)
        if answer.status != 200:
            fault = answer.json()
            raise AwsError(fault["__type"].rpartition("#")[2], fault.get("message", fault.get("Message", "")))
        return answer.json() if answer.body else {}

    def kinesis(self, operation, **members):
        return self.call("kinesis", operation, **members)

    def cloudwatch(self, operation, **members):
        return self.call("monitoring", operation, **members)

    def sns(self, action, **members):
        return self.query("sns", "2010-03-31", action, members)

    def cloudformation(self, action, **members):
        return self.query("cloudformation", "2010-05-15", action, members)

    def query(self, service, version, action, members):
        """The text of every element of the answer by its name; of several the last."""
        body = urllib.parse.urlencode({"Action": action, "Version": version, **members}).encode()
        headers = sign(f"127.0.0.1:{self.port}", self.region, service, self.keys,
                       {"Content-Type": "application/x-www-form-urlencoded"}, body)
        answer = http_request(self.port, "POST", "/", body, headers)
        tree = xml.etree.ElementTree.fromstring(answer.text)
        values = {element.tag.rpartition("}")[2]: element.text for element in tree.iter()}
        if answer.status != 200:
            raise AwsError(values.get("Code"), values.get("Message"))
        return values

    def subscribe(self, url, topic="kinescale"):
        self.sns("Subscribe", TopicArn=self.topic_arn(topic), Protocol=url.partition(":")[0], Endpoint=url)

    def publish(self, message, topic="kinescale"):
        return self.sns("Publish", TopicArn=self.topic_arn(topic), Message=message)["MessageId"]

    def traffic(self, stream, load, record=2048, keys="uniform"):
        answer = http_request(self.port, "PUT", f"/sim/traffic/{stream}", urllib.parse.urlencode(
            {"load": load, "record_bytes": record, "keys": keys}))
        if answer.status != 200:
            raise AssertionError(answer.text)

    def state(self):
        return http_request(self.port, "GET", "/sim/state").json()

    def stream(self, name):
        return next(stream for stream in self.state()["streams"] if stream["name"] == name)

    def now(self):
        return datetime.datetime.fromisoformat(self.state()["time"].replace("Z", "+00:00"))

    def requests(self, operation=None):
        rows = [json.loads(line) for line in http_request(self.port, "GET", "/sim/requests").text.splitlines()]
        return [row for row in rows if operation is None or row["operation"] == operation]

    def confirmed(self, topic="kinescale"):
        """Endpoints whose subscription is confirmed."""
        arn = self.topic_arn(topic)
        return [s["endpoint"] for t in self.state()["topics"] if t["arn"] == arn
                for s in t["subscriptions"] if s["confirmed"]]

    def alarms(self, stream):
        """By name, as DescribeAlarms tells them."""
        found = self.cloudwatch("DescribeAlarms", MaxRecords=100)["MetricAlarms"]
        return {alarm["AlarmName"]: alarm for alarm in found
                if {"Name": "StreamName", "Value": stream} in alarm.get("Dimensions", [])}

    def make_alarms(self, stream, metrics=("IncomingBytes", "IncomingRecords")):
        """With the thresholds for the shards there are; what stands in ALARM stays there while data is missing."""
        for metric in metrics:
            self.cloudwatch("PutMetricAlarm", AlarmName=f"{stream}-{metric}", Namespace="AWS/Kinesis",
                            MetricName=metric, Dimensions=[{"Name": "StreamName", "Value": stream}],
                            Statistic="Sum", Period=60, EvaluationPeriods=1,
                            Threshold=expected_threshold(metric, 60, self.shards(stream)),
                            ComparisonOperator="GreaterThanThreshold", TreatMissingData="ignore",
                            AlarmActions=[self.topic_arn()])

    def fire(self, stream, metric="IncomingBytes"):
        """To ALARM without waiting for the minute; it stays there when the volume is above the threshold."""
        self.cloudwatch("SetAlarmState", AlarmName=f"{stream}-{metric}", StateValue="ALARM", StateReason="it is so")

    def volumes(self, stream, metric="IncomingBytes"):
        """Sums of the last minutes that can be read."""
        now = int(self.now().timestamp()) // 60 * 60
        answer = self.cloudwatch("GetMetricData", StartTime=now - 300, EndTime=now, MetricDataQueries=[
            {"Id": "v", "MetricStat": {"Period": 60, "Stat": "Sum", "Metric": {
                "Namespace": "AWS/Kinesis", "MetricName": metric,
                "Dimensions": [{"Name": "StreamName", "Value": stream}]}}}])
        return answer["MetricDataResults"][0]["Values"]

    def wait_for_volume(self, stream, minimum):
        """The first minute of a load is not whole."""
        eventually(lambda: any(volume >= minimum for volume in self.volumes(stream)))

    def raise_alarm(self, name, reason="raised by a test"):
        """The alarm changes to ALARM (by way of OK when it stands there), and so notifies."""
        for value in ("OK", "ALARM"):
            self.cloudwatch("SetAlarmState", AlarmName=name, StateValue=value, StateReason=reason)

    def shards(self, stream):
        """Open shards as [(start, end)] in order."""
        return sorted((int(shard["start"]), int(shard["end"])) for shard in self.stream(stream)["shards"])

    def rate(self, fraction, stream, record=1048):
        """A load for traffic() that fills so much of what the stream's widest shard allows."""
        return f"constant:{int(fraction * effective(self.shards(stream)) * SHARD_BYTES)}"


def effective(shards):
    """How many shards' worth of evenly spread load these take."""
    return fractions.Fraction(HASH_KEYS, max(end - start + 1 for start, end in shards))


def check_partition(shards):
    """Every hash key is in exactly one shard."""
    expected = 0
    for start, end in shards:
        assert start == expected and end >= start, f"gap or overlap at {expected}: {shards}"
        expected = end + 1
    assert expected == HASH_KEYS, shards


def expected_threshold(metric, period_s, shards, fraction=fractions.Fraction(8, 10)):
    limit = {"IncomingBytes": SHARD_BYTES, "IncomingRecords": SHARD_RECORDS}[metric]
    return round(fraction * period_s * limit * effective(shards))


# ---- the daemon


class Daemon(Process):
    """`kinescale serve`; started again after a kill it has the same ports and the same database."""

    def __init__(self, folder, name, config_path, clock, environment, preexec_fn=None, tls=None):
        super().__init__(folder, name, ["serve", "--config", config_path, "--clock", clock], environment,
                         preexec_fn)
        self.tls = tls
        try:
            match = self.wait_for_log(r" serving .*\bport=(\d+) admin_port=(\d+)")
        except BaseException:
            self.abandon()
            raise
        self.port, self.admin_port = int(match.group(1)), int(match.group(2))

    @property
    def sns_url(self):
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}/sns"

    def post(self, body, headers=None, path="/sns", method="POST", timeout=20):
        return http_request(self.port, method, path, body, headers, timeout, self.tls)

    def admin(self, path, method="GET", timeout=20):
        return http_request(self.admin_port, method, path, timeout=timeout)

    def stream(self, name):
        return self.admin(f"/streams/{name}").json()

    def ready(self):
        """(status, {check: "ok" or why not})"""
        answer = self.admin("/readyz")
        return answer.status, dict(line.split(": ", 1) for line in answer.text.splitlines())

    def wait_ready(self, seconds=PATIENCE_S):
        eventually(lambda: self.ready()[0] == 200, seconds, lambda: f"{self.ready()}\n{self.log}")

    def metrics(self):
        """{(name, (label, value), ...): number}, as far as the samples go; see test_admin.py for the form."""
        values = {}
        for line in self.admin("/metrics").text.splitlines():
            if not line.startswith("#"):
                key, _, value = line.rpartition(" ")
                values[key] = float(value)
        return values

    def wait_for_actions(self, stream, count=1, seconds=PATIENCE_S):
        """Waits until so many actions have ended; returns all, the oldest first."""
        def ended():
            actions = self.stream(stream)["actions"]
            return actions if sum(a["ended"] is not None for a in actions) >= count else None
        return eventually(ended, seconds, lambda: f"{self.stream(stream)}\n{self.log}")[::-1]


class World(contextlib.AbstractContextManager):
    """One simulated AWS and the daemons that were started on it."""

    def __init__(self, streams, scene, speed=60, options=(), settings=None, defaults=None, per_stream=None):
        self.folder = tempfile.mkdtemp(prefix="kinescale-test-")
        speed = max(1, speed // SLOWER)
        self.clock = f"{int(time.time() * 1000)}@{speed}"
        self.speed = speed
        self.streams = streams
        self.scene = scene
        self.options = options
        self.settings = settings or {}
        self.defaults = defaults or {}
        self.per_stream = per_stream or {}
        self.processes = []
        self.starts = 0
        try:
            self.aws = self.started(SimulatedAws(self.folder, self.clock, scene, options))
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def started(self, process):
        self.processes.append(process)
        return process

    def database(self, name="kinescale.db"):
        return os.path.join(self.folder, name)

    def write(self, name, text, mode=0o600):
        """A file in its folder; returns the path."""
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def environment(self):
        return {**self.aws.settings}

    def config(self, port=0, admin_port=0, name="streams.conf", **settings):
        """Writes streams.conf; returns its path."""
        service = {"database": self.database(), "listen": f"127.0.0.1:{port}",
                   "admin_listen": f"127.0.0.1:{admin_port}", "region": self.aws.region,
                   "topic_arn": self.aws.topic_arn(), "log_level": "debug", **self.settings, **settings}
        sections = [("service", service), ("defaults", self.defaults)]
        sections += [(f"stream {name}", self.per_stream.get(name, {})) for name in self.streams]
        return self.write(name, "".join(
            f"[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in values.items()) + "\n"
            for section, values in sections))

    def daemon(self, like=None, environment=None, preexec_fn=None, tls=None, ready=True, subscribe=None, **settings):
        """Starts one; `like`: in the place of another.  The first is subscribed to the topic unless told not to."""
        self.starts += 1
        ports = (like.port, like.admin_port) if like else (0, 0)
        path = self.config(*ports, name=f"streams-{self.starts}.conf", **settings)
        daemon = self.started(Daemon(self.folder, f"daemon-{self.starts}", path, self.clock,
                                     {**self.environment(), **(environment or {})}, preexec_fn, tls))
        if ready:
            daemon.wait_ready()
        if subscribe if subscribe is not None else like is None:
            self.subscribe(daemon)
        return daemon

    def subscribe(self, daemon):
        self.aws.subscribe(daemon.sns_url)
        eventually(lambda: daemon.sns_url in self.aws.confirmed(), what=lambda: daemon.log + self.aws.log)

    def rows(self, query, *values):
        """What the database holds; read only."""
        connection = sqlite3.connect(f"file:{self.database()}?mode=ro", uri=True, timeout=20)
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    def close(self):
        """Ends all in good order, and says when one did not."""
        try:
            for process in reversed(self.processes):
                process.stop()
        finally:
            self.abandon()

    def abandon(self):
        for process in self.processes:
            process.abandon()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __exit__(self, kind, error, trace):
        if kind is None:
            self.close()
        else:
            self.abandon()
