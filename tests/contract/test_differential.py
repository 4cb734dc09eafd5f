"""Every Kinesis operation the program uses, asked of the simulated AWS and of two emulators nobody here wrote.

The same requests, good and bad, go to all three; what the emulators answer otherwise than the simulated AWS must
stand in KNOWN with the reason, and what stands there must still be so.
"""

import collections
import concurrent.futures
import fnmatch
import http.client
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import emulators  # noqa: E402
import kinescale  # noqa: E402

RESHARD_MS = 1200  # long enough to ask four questions meanwhile, also on a busy machine
SPEED = 60
HALF = str(2 ** 127)
TOP = str(2 ** 128 - 1)
UNIFORM = "UNIFORM_SCALING"
CREATED_AT_ONCE = 5  # AWS makes no more at a time

# Values that cannot be the same; that they are there, and of which type, is compared.
VOLATILE = ("StreamCreationTimestamp", "StartingSequenceNumber", "EndingSequenceNumber", "NextToken",
            "OnDemandStreamCountLimit")

# One request.  `members` may be bytes, or a function of the answers so far that says None when there is nothing
# to ask; the next step comes when the stream `until` rests again.
Step = collections.namedtuple("Step", "name operation members until", defaults=(None,))


def shard(number):
    return f"shardId-{number:012}"


def split(stream, number, key):
    return {"StreamName": stream, "ShardToSplit": shard(number), "NewStartingHashKey": key}


def merge(stream, lower, upper):
    return {"StreamName": stream, "ShardToMerge": shard(lower), "AdjacentShardToMerge": shard(upper)}


def update(stream, target, **changes):
    return {"StreamName": stream, "TargetShardCount": target, "ScalingType": UNIFORM, **changes}


def latest(stream):
    return {"StreamName": stream, "ShardFilter": {"Type": "AT_LATEST"}}


def page_after(name, **besides):
    def members(answers):
        token = answers[name].body.get("NextToken")
        return None if token is None else {"NextToken": token, "MaxResults": 1, **besides}
    return members


RESHARDING = (
    Step("new: summary", "DescribeStreamSummary", {"StreamName": "reshaped"}),
    Step("new: shards", "ListShards", {"StreamName": "reshaped"}),
    Step("new: open shards", "ListShards", latest("reshaped")),
    Step("split", "SplitShard", split("reshaped", 1, HALF)),
    Step("meanwhile: summary", "DescribeStreamSummary", {"StreamName": "reshaped"}),
    Step("meanwhile: split", "SplitShard", split("reshaped", 0, "9")),
    Step("meanwhile: merge", "MergeShards", merge("reshaped", 0, 2)),
    Step("meanwhile: update", "UpdateShardCount", update("reshaped", 4), "reshaped"),
    Step("split: summary", "DescribeStreamSummary", {"StreamName": "reshaped"}),
    Step("split: shards", "ListShards", {"StreamName": "reshaped"}),
    Step("split: open shards", "ListShards", latest("reshaped")),
    Step("merge", "MergeShards", merge("reshaped", 3, 4), "reshaped"),
    Step("merge with what was merged", "MergeShards", merge("reshaped", 0, 5), "reshaped"),
    Step("merge: shards", "ListShards", {"StreamName": "reshaped"}),
    Step("merge: open shards", "ListShards", latest("reshaped")),
    Step("merge: summary", "DescribeStreamSummary", {"StreamName": "reshaped"}),
    Step("closed: to begin with", "SplitShard", split("closed", 0, "9"), "closed"),
    Step("closed: split", "SplitShard", split("closed", 0, "10"), "closed"),
    Step("closed: merge", "MergeShards", merge("closed", 0, 1)),
    Step("double", "UpdateShardCount", update("doubled", 6)),
    Step("double, meanwhile: split", "SplitShard", split("doubled", 1, HALF), "doubled"),
    Step("double: summary", "DescribeStreamSummary", {"StreamName": "doubled"}),
    Step("double: open shards", "ListShards", latest("doubled")),
    Step("fewer", "UpdateShardCount", update("shrunk", 2), "shrunk"),
    Step("fewer: open shards", "ListShards", latest("shrunk")),
    Step("limits", "DescribeLimits", {}),
)

PAGING = (
    Step("page 1", "ListShards", {"StreamName": "steady", "MaxResults": 1}),
    Step("page 2", "ListShards", page_after("page 1")),
    Step("page 3", "ListShards", page_after("page 2")),
    Step("page after a shard", "ListShards", {"StreamName": "steady", "ExclusiveStartShardId": shard(0)}),
    Step("page of just all", "ListShards", {"StreamName": "steady", "MaxResults": 3}),
)

REFUSED = (
    Step("summary: unknown stream", "DescribeStreamSummary", {"StreamName": "nope"}),
    Step("summary: no stream", "DescribeStreamSummary", {}),
    Step("summary: empty name", "DescribeStreamSummary", {"StreamName": ""}),
    Step("summary: blank in the name", "DescribeStreamSummary", {"StreamName": "a b"}),
    Step("summary: name too long", "DescribeStreamSummary", {"StreamName": "x" * 129}),
    Step("summary: name is a number", "DescribeStreamSummary", {"StreamName": 5}),
    Step("summary: unknown member", "DescribeStreamSummary", {"StreamName": "steady", "Colour": "red"}),
    Step("list: unknown stream", "ListShards", {"StreamName": "nope"}),
    Step("list: no stream", "ListShards", {}),
    Step("list: unknown filter", "ListShards", {"StreamName": "steady", "ShardFilter": {"Type": "AT_NOON"}}),
    Step("list: pages of none", "ListShards", {"StreamName": "steady", "MaxResults": 0}),
    Step("list: pages too large", "ListShards", {"StreamName": "steady", "MaxResults": 10001}),
    Step("list: size is a text", "ListShards", {"StreamName": "steady", "MaxResults": "many"}),
    Step("split: unknown stream", "SplitShard", split("nope", 0, HALF)),
    Step("split: unknown shard", "SplitShard", split("fresh1", 77, HALF)),
    Step("split: no shard id", "SplitShard", {**split("fresh2", 0, HALF), "ShardToSplit": "shard zero"}),
    Step("split: at its first key", "SplitShard", split("fresh3", 0, "0")),
    Step("split: at its second key", "SplitShard", split("fresh4", 0, "1")),
    Step("split: at its last key", "SplitShard", split("fresh5", 2, TOP)),
    Step("split: in another shard", "SplitShard", split("fresh6", 0, HALF)),
    Step("split: beyond all keys", "SplitShard", split("fresh7", 2, str(2 ** 128))),
    Step("split: key is no number", "SplitShard", split("fresh8", 0, "abc")),
    Step("split: key with a zero in front", "SplitShard", split("fresh9", 0, "07")),
    Step("split: no key", "SplitShard", {"StreamName": "steady", "ShardToSplit": shard(0)}),
    Step("split: no JSON", "SplitShard", b"no JSON"),
    Step("split: no object", "SplitShard", b"[]"),
    Step("merge: unknown stream", "MergeShards", merge("nope", 0, 1)),
    Step("merge: unknown shard", "MergeShards", merge("fresh10", 0, 77)),
    Step("merge: not neighbours", "MergeShards", merge("fresh11", 0, 2)),
    Step("merge: with itself", "MergeShards", merge("fresh12", 0, 0)),
    Step("merge: higher range first", "MergeShards", merge("fresh13", 1, 0)),
    Step("update: unknown stream", "UpdateShardCount", update("nope", 2)),
    Step("update: more than double", "UpdateShardCount", update("fresh14", 7)),
    Step("update: less than half", "UpdateShardCount", update("fresh15", 1)),
    Step("update: no shards", "UpdateShardCount", update("fresh16", 0)),
    Step("update: unknown scaling", "UpdateShardCount", update("fresh17", 4, ScalingType="LINEAR")),
    Step("update: no scaling", "UpdateShardCount", {"StreamName": "fresh18", "TargetShardCount": 4}),
    Step("unknown operation", "SplitStream", {"StreamName": "steady"}),
    Step("list: stream and token", "ListShards", page_after("page 1", StreamName="steady")),
    Step("list: bad token", "ListShards", {"NextToken": "bad"}),  # the last: one does not survive it
)

STEPS = RESHARDING + PAGING + REFUSED
STREAMS = ("reshaped", "closed", "doubled", "shrunk", "steady", *(f"fresh{number}" for number in range(1, 19)))

# Who, in which steps, does what; and why that is right here and no fault of the simulated AWS's.  Both steps and
# differences may be patterns.
KNOWN = (
    ("kinesis-local", "summary: *name*", "InvalidArgumentException, not ValidationException",
     "names are checked after the request has been understood, AWS's front door does it before"),
    ("kinesis-local", "split: no shard id", "InvalidArgumentException, not ValidationException", "likewise"),
    ("kinesis-local", "split: key with a zero in front", "InvalidArgumentException, not ValidationException",
     "it knows no pattern of keys, but finds the split refused"),
    ("kinesis-local", "split: key is no number", "HTTP 500, not ValidationException", "it fails over the number"),
    ("kinesis-local", "update: no shards", "InvalidArgumentException, not ValidationException", "likewise"),
    ("kinesis-local", "split: no key", "SerializationException, not ValidationException",
     "its decoder wants every member that is required, and only values it knows"),
    ("kinesis-local", "update: *scaling", "SerializationException, not ValidationException", "likewise"),
    ("kinesis-local", "list: unknown filter", "SerializationException, not ValidationException", "likewise"),
    ("kinesis-local", "list: pages of none", "HTTP 500, not ValidationException", "it fails over an empty page"),
    ("kinesis-local", "list: pages too large", "done, not ValidationException", "it has no such limit"),
    ("kinesis-local", "meanwhile: summary", "another StreamDescriptionSummary.OpenShardCount",
     "its new shards are there at once, those of AWS when the stream is ACTIVE again"),
    ("kinesis-local", "split: at its * key", "done, not InvalidArgumentException",
     "it lets a child have one key or none; AWS wants more than the first and less than the last"),
    ("kinesis-local", "closed: *", "ResourceInUseException, not InvalidArgumentException",
     "AWS was seen to answer InvalidArgumentException: has already been merged or split"),
    ("kinesis-local", "update: more than double", "InvalidArgumentException, not LimitExceededException",
     "AWS was seen to answer LimitExceededException: cannot scale up over double"),
    ("kinesis-local", "update: less than half", "done, not LimitExceededException",
     "it halves rounded down, 3 to 1; AWS: cannot scale down below half"),
    ("kinesis-local", "double", "no StreamARN", "the member came with a later version of the API"),
    ("kinesis-local", "fewer", "no StreamARN", "likewise"),
    ("kinesis-local", "double: open shards", "another Shards[[]].HashKeyRange.*",
     "it halves what is there; the simulated AWS ends where a new stream's shards end, a few keys away"),
    ("kinesis-local", "fewer: open shards", "*Shards[[]].*",
     "three to two: it merges two of three, the simulated AWS makes two equal ones, as UNIFORM_SCALING says"),
    ("kinesis-local", "unknown operation", "AccessDeniedException, not UnknownOperationException",
     "it looks for the operation to authorize it"),
    ("kinesis-local", "summary: unknown member", "done, not SerializationException",
     "AWS passes over it, too: the simulated one is strict, so that misspelt members show"),

    ("kinesalite", "summary: unknown member", "done, not SerializationException", "likewise"),
    ("kinesalite", "*summary", "no StreamDescriptionSummary.StreamModeDetails.StreamMode",
     "it is older than on-demand streams"),
    ("kinesalite", "summary: no stream", "ValidationException, not InvalidArgumentException",
     "it is older than StreamARN: the name was required"),
    ("kinesalite", "limits", "UnknownOperationException, not done", "it has no DescribeLimits"),
    ("kinesalite", "double", "UnknownOperationException, not done", "it has no UpdateShardCount"),
    ("kinesalite", "fewer", "UnknownOperationException, not done", "likewise"),
    ("kinesalite", "update: *", "UnknownOperationException, not *", "likewise"),
    ("kinesalite", "meanwhile: update", "UnknownOperationException, not ResourceInUseException", "likewise"),
    ("kinesalite", "double, meanwhile: split", "done, not ResourceInUseException", "nothing goes on meanwhile"),
    ("kinesalite", "double: summary", "another StreamDescriptionSummary.OpenShardCount", "nothing was doubled"),
    ("kinesalite", "double: open shards", "5 Shards, not 6", "three, of which one was split in two and is shown"),
    ("kinesalite", "fewer: open shards", "3 Shards, not 2", "nothing was merged"),
    ("kinesalite", "split: open shards", "5 Shards, not 4", "it knows no ShardFilter and shows closed shards"),
    ("kinesalite", "merge: open shards", "7 Shards, not 2", "likewise"),
    ("kinesalite", "list: unknown filter", "done, not ValidationException", "likewise"),
    ("kinesalite", "page 1", "3 Shards, not 1", "it knows no MaxResults"),
    ("kinesalite", "page [23]", "nothing to ask, not done", "so there is no token to go on with"),
    ("kinesalite", "list: stream and token", "nothing to ask, not InvalidArgumentException", "likewise"),
    ("kinesalite", "list: bad token", "no answer, not InvalidArgumentException", "it dies of it"),
    ("kinesalite", "split: key with a zero in front", "done, not ValidationException",
     "its pattern of keys lets it pass; the simulated AWS takes the one of AWS's model, 0|([1-9]\\d{0,38})"),
    ("kinesalite", "split: no object", "ValidationException, not SerializationException",
     "it takes a list for an object without members"),
    ("kinesalite", "closed: *", "done, not InvalidArgumentException", "it splits and merges closed shards again"),
)


def play(kinesis):
    """All steps on one of them; the answers by the steps' names."""
    answers = {}
    for first in range(0, len(STREAMS), CREATED_AT_ONCE):
        some = STREAMS[first:first + CREATED_AT_ONCE]
        for stream in some:
            kinesis.call("CreateStream", StreamName=stream, ShardCount=3)
        for stream in some:
            kinesis.wait_active(stream)
    for step in STEPS:
        members = step.members(answers) if callable(step.members) else step.members
        answers[step.name] = ask(kinesis, step.operation, members)
        if step.until:
            kinesis.wait_active(step.until)
    return answers


def ask(kinesis, operation, members):
    if members is None:
        return emulators.Answer(0, '{"__type": "nothing to ask"}')
    try:
        return kinesis.send(operation, members)
    except (ConnectionError, http.client.HTTPException):
        return emulators.Answer(0, '{"__type": "no answer"}')


class Entries(int):
    """How many a list has."""


def flatten(value, path=""):
    """{"Shards[0].ShardId": "shardId-000000000000", ...}; a member that is null is as good as none."""
    if isinstance(value, dict):
        flat = {}
        for name, member in value.items():
            if member is not None:
                flat.update(flatten(member, f"{path}.{name}".lstrip(".")))
        return flat
    if isinstance(value, list):
        flat = {path: Entries(len(value))}
        for index, element in enumerate(value):
            flat.update(flatten(element, f"{path}[{index}]"))
        return flat
    if path.rpartition(".")[2] in VOLATILE:
        return {path: type(value).__name__.replace("int", "float")}
    return {path: value}


def differences(expected, answer):
    """What an emulator's answer has that the simulated AWS's has not, and the other way round."""
    if (expected.error or answer.error) is not None:
        return set() if expected.error == answer.error else {
            f"{answer.error or 'done'}, not {expected.error or 'done'}"}
    theirs, ours = flatten(answer.body), flatten(expected.body)
    lengths = [(path, theirs.get(path), ours.get(path)) for path in sorted(theirs.keys() | ours.keys())
               if isinstance(theirs.get(path, ours.get(path)), Entries) and theirs.get(path) != ours.get(path)]
    if lengths:  # then the entries are others, too
        return {f"{there} {path}, not {here}" for path, there, here in lengths}
    found = set()
    for path in theirs.keys() | ours.keys():
        general = re.sub(r"\[\d+\]", "[]", path)
        if path not in theirs:
            found.add(f"no {general}")
        elif path not in ours:
            found.add(f"{general} besides")
        elif theirs[path] != ours[path]:
            found.add(f"another {general}")
    return found


@unittest.skipIf(emulators.why_missing(), emulators.why_missing())
class Differential(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        seconds = str(RESHARD_MS * SPEED // 1000)
        options = ("--no-quotas", "--create-seconds", "6", "--split-seconds", seconds, "--update-seconds", seconds)
        with kinescale.World([], "topic kinescale\n", SPEED, options) as world, \
                emulators.KinesisLocal(RESHARD_MS) as kinesis_local, emulators.Kinesalite(RESHARD_MS) as kinesalite, \
                concurrent.futures.ThreadPoolExecutor() as pool:
            simulated = emulators.Kinesis(world.aws.port, world.aws.region, world.aws.keys)
            players = {"simulated": pool.submit(play, simulated),
                       "kinesis-local": pool.submit(play, kinesis_local.kinesis),
                       "kinesalite": pool.submit(play, kinesalite.kinesis)}
            cls.answers = {name: player.result() for name, player in players.items()}

    def test_nothing_differs_but_what_is_known(self):
        expected = self.answers["simulated"]
        unused = list(KNOWN)
        unknown = []
        for name in ("kinesis-local", "kinesalite"):
            for step in STEPS:
                answer = self.answers[name][step.name]
                for what in differences(expected[step.name], answer):
                    matching = [row for row in KNOWN if row[0] == name and fnmatch.fnmatchcase(step.name, row[1])
                                and fnmatch.fnmatchcase(what, row[2])]
                    unused = [row for row in unused if row not in matching]
                    if not matching:
                        unknown.append(f"{name}, {step.name}: {what}\n  simulated: {expected[step.name]}\n"
                                       f"  {name}: {answer}")
        self.assertEqual(unknown, [], "\n".join(unknown))
        self.assertEqual(unused, [], "these do not differ any more")

    def test_what_should_be_refused_is(self):
        """The comparison is worth nothing where all three are wrong in the same way."""
        for step in REFUSED:
            self.assertIsNotNone(self.answers["simulated"][step.name].error, step.name)
        for step in RESHARDING + PAGING:
            error = self.answers["simulated"][step.name].error
            expected = ("ResourceInUseException" if "meanwhile: " in step.name and "summary" not in step.name else
                        "InvalidArgumentException" if step.name in ("closed: split", "closed: merge") else None)
            self.assertEqual(error, expected, step.name)


if __name__ == "__main__":
    unittest.main()
