"""Kinesis as others wrote it, kinesis-local and kinesalite from npm, and a client that sends it anything.

    with KinesisLocal(reshard_ms=300) as emulator:
        answer = emulator.kinesis.send("DescribeStreamSummary", {"StreamName": "orders"})

Each emulator listens on a free port of 127.0.0.1 (emulators/pin.js sees to it) and forgets all at its end.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile

from kinescale import clean_environment, eventually, http_request, sign

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "emulators")
MODULES = os.path.join(FOLDER, "node_modules")
REGION = "us-east-1"
KEYS = ("AKIDFOREMULATORS", "no emulator looks at it")


def why_missing():
    """A reason to skip, or None."""
    if shutil.which("node") is None:
        return "there is no node"
    if not os.path.isdir(MODULES):
        return "the emulators are not installed: tools/bootstrap test"
    return None


class Answer:
    def __init__(self, status, text):
        self.status = status
        self.text = text
        try:
            self.body = json.loads(text) if text else {}
        except ValueError:
            self.body = {}
        # "com.amazonaws.kinesis#ResourceNotFoundException" and "ResourceNotFoundException" say the same.
        self.error = None if status == 200 else self.body.get("__type", f"HTTP {status}").rpartition("#")[2]

    def __repr__(self):
        return f"{self.status} {self.text}"


class Kinesis:
    """Any operation with any input, also such as no client library would send."""

    def __init__(self, port, region=REGION, keys=KEYS):
        self.port, self.region, self.keys = port, region, keys

    def send(self, operation, members):
        """`members` go out as they are when they are bytes."""
        body = members if isinstance(members, bytes) else json.dumps(members).encode()
        headers = sign(f"127.0.0.1:{self.port}", self.region, "kinesis", self.keys, {
            "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"Kinesis_20131202.{operation}"}, body)
        answer = http_request(self.port, "POST", "/", body, headers)
        return Answer(answer.status, answer.body.decode(errors="replace"))

    def call(self, operation, **members):
        answer = self.send(operation, members)
        if answer.error is not None:
            raise AssertionError(f"{operation} {members}: {answer}")
        return answer.body

    def summary(self, stream):
        return self.call("DescribeStreamSummary", StreamName=stream)["StreamDescriptionSummary"]

    def wait_active(self, stream):
        return eventually(lambda: [s for s in [self.summary(stream)] if s["StreamStatus"] == "ACTIVE"],
                          what=f"'{stream}' never came to rest")[0]

    def create(self, stream, shards):
        self.call("CreateStream", StreamName=stream, ShardCount=shards)
        self.wait_active(stream)

    def open_shards(self, stream):
        """[(start, end, shard id)] in order; closed shards are listed by who does not know AT_LATEST."""
        shards = self.call("ListShards", StreamName=stream, ShardFilter={"Type": "AT_LATEST"})["Shards"]
        return sorted((int(shard["HashKeyRange"]["StartingHashKey"]), int(shard["HashKeyRange"]["EndingHashKey"]),
                       shard["ShardId"]) for shard in shards
                      if shard["SequenceNumberRange"].get("EndingSequenceNumber") is None)


class Emulator(contextlib.AbstractContextManager):
    """A process of node; `asked_port` is what it would listen on without the pin."""

    def __init__(self, script, asked_port, settings):
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            ["node", "-r", os.path.join(FOLDER, "pin.js"), script], stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=subprocess.STDOUT, env={**clean_environment(), **settings})
        try:
            pinned = re.compile(rf"^pinned {asked_port} (\d+)$", re.M)
            match = eventually(lambda: self.process.poll() is not None or pinned.search(self.said()),
                               what=lambda: f"{self.name} does not listen:\n{self.said()}")
            if match is True:
                raise AssertionError(f"{self.name} ended:\n{self.said()}")
        except BaseException:
            self.__exit__()
            raise
        self.kinesis = Kinesis(int(match.group(1)))
        self.url = f"http://127.0.0.1:{self.kinesis.port}"

    def said(self):
        size = os.fstat(self.log.fileno()).st_size
        return os.pread(self.log.fileno(), size, 0).decode(errors="replace")

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class KinesisLocal(Emulator):
    name = "kinesis-local"

    def __init__(self, reshard_ms):
        folder = os.path.join(MODULES, "kinesis-local")
        operations = ("SPLIT_SHARD", "MERGE_SHARDS", "UPDATE_SHARD_COUNT")
        super().__init__(os.path.join(folder, "main.js"), 4568, {
            "KINESIS_MOCK_PLAIN_PORT": "4568", "KINESIS_MOCK_TLS_PORT": "4567",
            "KINESIS_MOCK_CERT_PATH": os.path.join(folder, "server.json"), "SHARD_LIMIT": "500",
            "CREATE_STREAM_DURATION": "100ms",
            **{operation + "_DURATION": f"{reshard_ms}ms" for operation in operations}})


class Kinesalite(Emulator):
    name = "kinesalite"

    def __init__(self, reshard_ms):
        super().__init__(os.path.join(FOLDER, "kinesalite.js"), 4567, {
            "UPDATE_STREAM_MS": str(reshard_ms), "SHARD_LIMIT": "500"})
