"""Which AWS operations the program calls, and who calls them: what policies are held against.

Every operation has a row with its quota in src/aws/rate.c, and a name in the file of src/aws/ that calls it.
"""

import os
import re

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))

# What only `kinescale provision` calls, besides all of CloudFormation.
PROVISION_ONLY = {"sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic"}
# What both call.
PROVISION_TOO = {"cloudwatch:DescribeAlarms", "kinesis:DescribeStreamSummary", "kinesis:ListShards",
                 "kinesis:ListStreams"}
# Tells whose keys it was signed with, whatever these may do.
NO_RIGHT_NEEDED = {"sts:GetCallerIdentity"}


def _read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def called():
    """All of them: "kinesis:SplitShard"."""
    return set(re.findall(r'\{"([a-z]+:\w+)",', _read("src/aws/rate.c")))


def named():
    """The operations that the files of src/aws/ name, without their service."""
    found = set()
    for name in os.listdir(os.path.join(ROOT, "src", "aws")):
        if name.endswith(".c"):
            text = _read(f"src/aws/{name}")
            found |= set(re.findall(r'(?:\.operation = |call_of\()"(\w+)"', text))
    return found


def called_by_the_daemon():
    """By `serve`, `scale-down` and the commands by hand."""
    return {name for name in called() - PROVISION_ONLY - NO_RIGHT_NEEDED if not name.startswith("cloudformation:")}


def called_by_provision():
    return {name for name in called() if name.startswith("cloudformation:")} | PROVISION_ONLY | PROVISION_TOO
