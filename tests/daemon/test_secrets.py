"""No secret in anything the program says or stores: each is planted, used, repeated by others, and looked for."""

import glob
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from kinescale import PROGRAM, World, clean_environment, eventually, http_request, run  # noqa: E402
from stranger import Keys, Stranger  # noqa: E402

SCENE = """topic kinescale
stream orders shards=2
alarms orders topic=kinescale
traffic orders load=constant:1.7M record=4096
"""
# Long enough to be taken for secrets, and nothing in them that an encoding would change.
OWN = Keys("AKIAPLANTEDOWN000001", "SecretKeyOfTheEnvironment0123456789abcdX", "SessionTokenOfTheEnvironment" + "u" * 300)
GIVEN = Keys("ASIAPLANTEDGIVEN0002", "SecretKeyThatWasGiven0123456789abcdefghY", "SessionTokenThatWasGiven" + "v" * 300)
ADMIN_TOKEN = "AdminTokenOfTheOperator0123456789"
CONTAINER_TOKEN = "AuthorizationTokenOfTheContainer0123456789"
METADATA_TOKEN = "TokenOfTheMetadataService0123456789abcdefgh=="
IDENTITY = "eyIdentityHeader0123456789.eyIdentityClaims0123456789.IdentitySignature0123456789"
PASSWORD = "PasswordOfTheProxy0123456789"

SECRETS = {"secret key": OWN.secret, "session token": OWN.token, "given secret key": GIVEN.secret,
           "given session token": GIVEN.token, "admin token": ADMIN_TOKEN, "container token": CONTAINER_TOKEN,
           "metadata token": METADATA_TOKEN, "web identity": IDENTITY, "password": PASSWORD}
MANNERS = ("forwards", "explains", "repeats", "speaks otherwise", "cuts")


class Secrets(unittest.TestCase):
    def setUp(self):
        self.world = World(["orders"], SCENE, speed=60, options=["--no-signatures", "--any-certificate",
                                                                 "--split-seconds", "5"])
        self.addCleanup(self.world.close)
        self.stranger = Stranger(self.world.aws.port, GIVEN, METADATA_TOKEN)
        self.addCleanup(self.stranger.close)
        self.secrets = dict(SECRETS)
        self.config = self.world.config(name="commands.conf", database=self.world.database("commands.db"))
        self.said = 0

    def environment(self, **others):
        """Where AWS is, and nothing that gives keys but `others`."""
        return {"AWS_ENDPOINT_URL": self.stranger.url, "AWS_REGION": self.world.aws.region, **others}

    def check(self, where, text):
        """A part of a secret gives it away too: neither its beginning nor its end may be there."""
        self.said += len(text)
        for name, secret in self.secrets.items():
            for part in (secret[:14], secret[-14:]):
                self.assertNotIn(part, text, f"{name} in {where}")

    def check_files(self, *patterns):
        for pattern in patterns:
            found = glob.glob(os.path.join(self.world.folder, pattern))
            self.assertNotEqual(found, [], pattern)
            for path in found:
                with open(path, "rb") as file:
                    self.check(path, file.read().decode("latin-1"))

    def run_checked(self, *arguments, code=None, **environment):
        result = run(*arguments, folder=self.world.folder, environment=self.environment(**environment))
        self.check(" ".join(arguments), result.stdout + result.stderr)
        if code is not None:
            self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result

    # ---- where keys come from

    def sources(self):
        """{name: (environment, what the stranger must have heard)}"""
        own = f"aws_access_key_id = {OWN.name}\naws_secret_access_key = {OWN.secret}\naws_session_token = {OWN.token}\n"
        document = json.dumps({"Version": 1, "AccessKeyId": OWN.name, "SecretAccessKey": OWN.secret,
                               "SessionToken": OWN.token})
        script = self.world.write("keys", f"#!/bin/sh\necho '{OWN.secret}' >&2\necho '{document}'\n", 0o700)
        role = "role_arn = arn:aws:iam::123456789012:role/scaler\n"
        identity = self.world.write("identity", IDENTITY)
        container = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self.stranger.url}/container"}
        return {
            "environment": ({"AWS_ACCESS_KEY_ID": OWN.name, "AWS_SECRET_ACCESS_KEY": OWN.secret,
                             "AWS_SESSION_TOKEN": OWN.token}, OWN.token),
            "credentials file": ({"AWS_SHARED_CREDENTIALS_FILE": self.world.write("credentials", f"[default]\n{own}")}, OWN.token),
            "config file": ({"AWS_CONFIG_FILE": self.world.write("config", f"[default]\n{own}")}, OWN.token),
            "process": ({"AWS_CONFIG_FILE": self.world.write("process", f"[default]\ncredential_process = {script}\n")},
                        OWN.token),
            "role": ({"AWS_CONFIG_FILE": self.world.write(
                "role", f"[default]\n{role}source_profile = base\n[profile base]\n{own}")}, OWN.token),
            "web identity": ({"AWS_CONFIG_FILE": self.world.write(
                "web", f"[default]\n{role}web_identity_token_file = {identity}\n")}, IDENTITY),
            "container": ({**container, "AWS_CONTAINER_AUTHORIZATION_TOKEN": CONTAINER_TOKEN}, CONTAINER_TOKEN),
            "container with a file": ({**container, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE":
                                       self.world.write("container", CONTAINER_TOKEN)}, CONTAINER_TOKEN),
            "instance": ({"AWS_EC2_METADATA_DISABLED": "false",
                          "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.stranger.url}, METADATA_TOKEN),
        }

    def test_no_source_of_keys_gives_them_away_whatever_aws_says(self):
        for name, (environment, heard) in self.sources().items():
            for manner in MANNERS if name == "environment" else MANNERS[:4]:
                with self.subTest(source=name, manner=manner):
                    self.stranger.manner, self.stranger.heard = manner, []
                    result = self.run_checked("plan", "--config", self.config, "orders", "--output", "json",
                                              code=0 if manner == "forwards" else 1, **environment)
                    self.assertTrue(self.stranger.has_heard(heard), name)
                    if manner == "explains":  # its text has come through, as far as it may
                        self.assertIn("The request signature we calculated does not match", result.stdout + result.stderr)

    def test_no_source_that_is_broken_gives_away_what_is_in_it(self):
        whole = GIVEN.document()
        documents = [whole[:-30], whole.replace('"Token"', '"SecretAccessKey"'), whole.replace("AccessKeyId", "Else"),
                     GIVEN.document(Expiration=GIVEN.token), GIVEN.document(SecretAccessKey=f"{GIVEN.secret} {GIVEN.token}"),
                     GIVEN.document(Token=GIVEN.token * 100), GIVEN.token, f"[{whole}]"]
        sources = self.sources()
        for document in documents:
            for name in ("container", "instance"):
                self.stranger.document = document
                self.run_checked("plan", "--config", self.config, code=1, **sources[name][0])
        files = ([f"{OWN.secret}\n", f"[{OWN.secret}\n", f"[default]\naws_secret_access_key {OWN.secret}\n",
                  f"[default]\naws_access_key_id = {OWN.secret} {OWN.token}\naws_secret_access_key = {OWN.secret}\n",
                  f"[default]\naws_access_key_id = {OWN.name}\naws_secret_access_key = {OWN.secret}\n {OWN.token}\n\x00",
                  f"[default]\naws_access_key_id = {OWN.name}\naws_session_token = {OWN.token}\n"] +
                 [f"[default]\ncredential_process = {command}\n" for command in (
                     f"/bin/sh -c 'echo {OWN.secret}; echo {OWN.token} >&2; exit 3'", f"/nowhere/program {OWN.secret}",
                     f"/bin/echo '{OWN.secret}", f"/bin/echo {document!r}")])
        for text in files:
            self.run_checked("plan", "--config", self.config, code=None, AWS_CONFIG_FILE=self.world.write("broken", text))
            self.run_checked("plan", "--config", self.config, code=None,
                             AWS_SHARED_CREDENTIALS_FILE=self.world.write("broken", text))
        tokens = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://user:{PASSWORD}@127.0.0.1:1/{CONTAINER_TOKEN}"}
        self.run_checked("plan", "--config", self.config, code=2, **tokens)
        for variable in ("AWS_ENDPOINT_URL", "http_proxy"):
            self.run_checked("plan", "--config", self.config, **sources["environment"][0],
                             **{variable: f"http://user:{PASSWORD}@127.0.0.1:1"})

    def test_no_command_gives_them_away(self):
        keys = self.sources()["environment"][0]
        letters = self.world.write("letters.json", json.dumps({"Message": OWN.token}))
        commands = (["status"], ["status", "orders", "--output", "json"], ["check", "--output", "json"],
                    ["scale", "orders", "--to", "3", "--dry-run"], ["scale", "orders", "--to", "3", "--yes"],
                    ["split", "orders", "shardId-000000000009"], ["scale-down", "--dry-run"], ["scale-down", "--force", "--no-wait"],
                    ["provision", "--dry-run"], ["dead-letters", "list"], ["pause", "orders"], ["resume", "orders"],
                    ["replay", letters])
        for manner in ("forwards", "explains"):
            self.stranger.manner = manner
            for command in commands:
                self.run_checked(command[0], *command[1:], "--config", self.config, *(
                    [] if command[0] == "check" else ["--clock", self.world.clock]), **keys)
        url = f"https://user:{PASSWORD}@scaling.example.com/sns"
        self.run_checked("check", "--config", self.world.config(name="url.conf", public_url=url), code=2)
        self.check_files("commands.db*")

    # ---- the daemon

    def certificate(self):
        key, certificate = (os.path.join(self.world.folder, f"own.{ending}") for ending in ("key", "crt"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key,
                        "-out", certificate], check=True, capture_output=True, timeout=60)
        with open(key, encoding="ascii") as file:
            self.secrets["private key"] = file.read().splitlines()[1]
        return certificate, key

    @unittest.skipIf(shutil.which("openssl") is None, "there is no openssl to make a certificate with")
    def test_the_daemon_gives_none_away_at_log_level_debug(self):
        certificate, key = self.certificate()
        token = self.world.write("admin.token", ADMIN_TOKEN + "\n")
        bearer = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        daemon = self.world.daemon(
            environment={**self.environment(), **self.sources()["environment"][0],
                         "AWS_ENDPOINT_URL_SNS": self.world.aws.url}, ready=False,
            tls=ssl.create_default_context(cafile=certificate), tls_certificate=certificate, tls_key=key,
            admin_token_file=token, reconcile_every="30s")
        daemon.wait_for_log(" action-ended ")
        self.assertEqual(daemon.admin("/healthz").status, 200)
        for path in ("/readyz", "/status", "/metrics", "/streams/orders", f"/{ADMIN_TOKEN[:3]}"):
            self.assertEqual(daemon.admin(path).status, 401)
        for manner in MANNERS[1:]:
            failed = len(daemon.log_lines("turn-failed", "look-failed", "reconcile-failed"))
            self.stranger.manner = manner
            eventually(lambda: len(daemon.log_lines("turn-failed", "look-failed", "reconcile-failed")) > failed,
                       what=lambda: daemon.log)
            for path in ("/readyz", "/status", "/metrics", "/streams/orders"):
                for headers in (bearer, {"Authorization": f"Bearer {ADMIN_TOKEN[:-1]}!"}, {"Cookie": ADMIN_TOKEN}):
                    answer = http_request(daemon.admin_port, "GET", path, headers=headers)
                    self.assertEqual(answer.status == 401, headers is not bearer)
                    self.check(path, answer.text + str(answer.headers))
        self.assertEqual(daemon.post(json.dumps({"Token": ADMIN_TOKEN})).status, 403)
        self.stranger.manner = "forwards"
        self.assertTrue(self.stranger.has_heard(OWN.token))
        with open(key, "a", encoding="ascii") as file:
            file.write("broken")
        os.chmod(key, 0o644)
        self.run_checked("check", "--config", os.path.join(self.world.folder, "streams-1.conf"), code=2)
        daemon.stop()
        self.check("the daemon's log", daemon.log + daemon.out)
        self.check_files("kinescale.db*")
        self.assertGreater(self.said, 50000)  # there was something to look through


class Memory(unittest.TestCase):
    """As a user who is not root, since root may look into everything."""

    NOBODY = 65534

    def test_nobody_but_root_may_look_into_the_process(self):
        folder = tempfile.TemporaryDirectory(dir="/tmp")
        self.addCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)
        program = shutil.copy(PROGRAM, folder.name)

        def become_nobody():
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(self.NOBODY)
                os.setuid(self.NOBODY)

        for command, hidden in (([program, "sim-aws", "--listen", "127.0.0.1:0"], True), (["sleep", "60"], False)):
            with self.subTest(command=command[0]):
                process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/",
                                           env=clean_environment(), preexec_fn=become_nobody)
                try:
                    if hidden:
                        process.stdout.readline()  # main() has begun
                    look = subprocess.run(["cat", f"/proc/{process.pid}/environ"], capture_output=True, cwd="/",
                                          preexec_fn=become_nobody, timeout=20)
                    self.assertEqual(look.returncode != 0, hidden, look.stderr)
                    with open(f"/proc/{process.pid}/limits", encoding="ascii") as file:
                        core = next(line for line in file if line.startswith("Max core file size"))
                    self.assertEqual(core.split()[4:6] == ["0", "0"], hidden, core)
                finally:
                    process.kill()
                    process.wait()
                    process.stdout.close()


if __name__ == "__main__":
    unittest.main()
