"""The system calls that the systemd units allow are enough: the main job under the same filter, which kills for more.

Without systemd as process 1 there is nobody to apply a unit, so its SystemCallFilter=, RestrictAddressFamilies=,
MemoryDenyWriteExecute= and RestrictNamespaces= are put together here, with systemd's own sets of system calls.  A call
that is not among them ends the process, where the unit would only refuse it.
"""

import ctypes
import ctypes.util
import json
import os
import resource
import shutil
import signal
import ssl
import subprocess
import sys
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
FLAVOUR = os.environ.get("KINESCALE_FLAVOUR", "release")
if FLAVOUR != "release":  # a sanitizer makes system calls of its own
    flavours = os.path.dirname(os.path.dirname(os.path.abspath(os.environ["KINESCALE"])))
    os.environ["KINESCALE"] = os.path.join(flavours, "release", "kinescale")
    os.environ["KINESCALE_FLAVOUR"] = "release"
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
from kinescale import PROGRAM, World, clean_environment, eventually  # noqa: E402

SCENE = """topic kinescale
stream orders shards=2
alarms orders topic=kinescale
traffic orders load=constant:1.7M record=4096
"""
LIBSECCOMP = ctypes.util.find_library("seccomp") or "libseccomp.so.2"
KILL, ALLOW, NOT_KNOWN = 0x80000000, 0x7FFF0000, 0x00050000 | 38  # the last with ENOSYS
EQUAL, MASKED_EQUAL = 4, 7
PROT_WRITE, PROT_EXEC = 2, 4
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16}


class Comparison(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("operation", ctypes.c_int), ("a", ctypes.c_uint64),
                ("b", ctypes.c_uint64)]


def unit_settings(unit):
    """{name: [values]} of a unit's lines."""
    settings = {}
    with open(os.path.join(ROOT, "tools", f"{unit}.in"), encoding="utf-8") as file:
        for line in file:
            name, equals, value = line.strip().partition("=")
            if equals and not line.startswith("#"):
                settings.setdefault(name, []).append(value)
    return settings


def system_calls(name):
    """Those of a set of systemd's; a set may hold others."""
    if not name.startswith("@"):
        return {name}
    text = subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter", name], capture_output=True, text=True,
                          check=True, timeout=60).stdout
    words = [line.strip() for line in text.splitlines() if line.startswith("    ") and "#" not in line]
    return set().union(*map(system_calls, words))


def allowed_calls(settings):
    """As systemd reads it: the first line allows, one with '~' takes away; @default is always there."""
    allowed = system_calls("@default")
    for line in settings["SystemCallFilter"]:
        named = set().union(*map(system_calls, line.lstrip("~").split()))
        allowed = allowed - named if line.startswith("~") else allowed | named
    if os.geteuid() == 0:
        allowed.add("fchown")  # SQLite, only as root: the files beside the database belong to the database's owner
    return allowed


class Filter:
    """To be applied in a child before it becomes the program."""

    def __init__(self, settings, without=()):
        self.library = ctypes.CDLL(LIBSECCOMP)
        self.library.seccomp_init.restype = ctypes.c_void_p
        self.context = ctypes.c_void_p(self.library.seccomp_init(ctypes.c_uint32(KILL)))
        special = {"socket": [[(0, EQUAL, FAMILIES[name], 0)]
                              for name in settings["RestrictAddressFamilies"][0].split()]}
        if settings["MemoryDenyWriteExecute"] == ["yes"]:
            special["mmap"] = [[(2, MASKED_EQUAL, PROT_WRITE | PROT_EXEC, bits)] for bits in (0, PROT_WRITE, PROT_EXEC)]
            special["mprotect"] = special["pkey_mprotect"] = [[(2, MASKED_EQUAL, PROT_EXEC, 0)]]
        for call in sorted(allowed_calls(settings) - set(without)):
            for comparisons in special.get(call, [[]]):
                # systemd hides clone3, whose flags a filter cannot see, where namespaces are restricted
                self.add(NOT_KNOWN if call == "clone3" else ALLOW, call, comparisons)

    def add(self, action, call, comparisons):
        number = self.library.seccomp_syscall_resolve_name(call.encode())
        if number < 0:  # of another architecture
            return
        array = (Comparison * len(comparisons))(*comparisons)
        code = self.library.seccomp_rule_add_array(self.context, ctypes.c_uint32(action), number, len(comparisons), array)
        if code < 0:
            raise OSError(-code, os.strerror(-code), call)

    def apply(self):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # LimitCORE=0
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))  # as systemd
        os.umask(0o077)
        if self.library.seccomp_load(self.context) != 0:
            raise OSError("the filter is refused")


def can_filter():
    try:
        return ctypes.CDLL(LIBSECCOMP).seccomp_api_get() > 0
    except (OSError, AttributeError):
        return False


@unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not at hand: it knows the sets of system calls")
@unittest.skipUnless(can_filter(), "libseccomp is not at hand")
@unittest.skipUnless(os.path.exists(PROGRAM), f"{PROGRAM} is not built: other flavours make system calls of their own")
class Sandbox(unittest.TestCase):
    def setUp(self):
        self.world = World(["orders"], SCENE, speed=60, options=["--any-certificate", "--split-seconds", "5"],
                           defaults={"cooldown": "60s", "scale_down_every": "5m", "scale_down_window": "30m"})
        self.addCleanup(self.world.close)

    def keys_of_a_program(self):
        """An environment in which a credential_process gives the keys."""
        identifier, secret = self.world.aws.keys
        document = json.dumps({"Version": 1, "AccessKeyId": identifier, "SecretAccessKey": secret})
        script = self.world.write("keys", f"#!/bin/sh\necho '{document}'\n", 0o700)
        return {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "",
                "AWS_CONFIG_FILE": self.world.write("aws", f"[default]\ncredential_process = {script}\n")}

    def certificate(self):
        key, certificate = (os.path.join(self.world.folder, f"own.{ending}") for ending in ("key", "crt"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key,
                        "-out", certificate], check=True, capture_output=True, timeout=60)
        return certificate, key

    def command(self, unit, *arguments):
        return subprocess.run([PROGRAM, *arguments], cwd=self.world.folder, capture_output=True, text=True, timeout=120,
                              env={**clean_environment(), **self.world.environment(), **self.keys_of_a_program()},
                              preexec_fn=Filter(unit_settings(unit)).apply)

    def test_the_main_job_needs_no_more_than_the_units_allow(self):
        certificate, key = self.certificate()
        token = self.world.write("admin.token", "0123456789abcdefghij\n")
        daemon = self.world.daemon(
            environment=self.keys_of_a_program(), preexec_fn=Filter(unit_settings("kinescale.service")).apply,
            ready=False, tls=ssl.create_default_context(cafile=certificate), tls_certificate=certificate, tls_key=key,
            admin_token_file=token)
        eventually(lambda: "action-ended" in daemon.log or not daemon.is_running(), what=lambda: daemon.log)
        self.assertTrue(daemon.is_running(), f"{daemon.process.returncode}: {daemon.log}")
        config = os.path.join(self.world.folder, "streams-1.conf")
        # ExecReload=: the check, then the signal
        self.assertEqual(self.command("kinescale.service", "check", "--config", config).returncode, 0)
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for_log(" reloaded ")
        # the timer's service, beside it
        self.world.aws.traffic("orders", "constant:1000")
        result = self.command("kinescale-scale-down.service", "scale-down", "--config", config, "--clock",
                              self.world.clock)
        self.assertIn(result.returncode, (0, 3), result.stderr)
        daemon.stop()

    def test_one_call_less_and_it_ends(self):
        settings = unit_settings("kinescale.service")
        self.assertIn("fdatasync", allowed_calls(settings))
        process = subprocess.Popen([PROGRAM, "serve", "--config", self.world.config(), "--clock", self.world.clock],
                                   cwd=self.world.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env={**clean_environment(), **self.world.environment()},
                                   preexec_fn=Filter(settings, without=["fdatasync"]).apply)
        try:
            self.assertEqual(process.wait(60), -signal.SIGSYS)
        finally:
            process.kill()
            process.wait()


if __name__ == "__main__":
    unittest.main()
