"""kinescale check: exit codes, what goes to stdout and what to stderr."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PROGRAM = os.path.abspath(os.environ.get("KINESCALE", os.path.join(ROOT, "build/release/kinescale")))

TOPIC = "arn:aws:sns:eu-west-1:123456789012:kinescale"
GOOD = f"""[service]
topic_arn = {TOPIC}
[stream orders]
min_shards = 2
max_shards = 64
[stream a-stream-with-a-long-name]
scale_up_threshold = 72.5%
"""
BAD = f"""[service]
topic_arn = {TOPIC}
[defaults]
min_shards = 4
max_shards = 2
[stream orders]
max_shrads = 3
"""


def check(*arguments, cwd=ROOT, **environment):
    return subprocess.run([PROGRAM, "check", *arguments], cwd=cwd, capture_output=True, text=True, timeout=60,
                          env={**os.environ, "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", **environment})


class Check(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, text, name="streams.conf"):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def test_a_good_file_is_summed_up(self):
        self.write(GOOD)
        result = check(cwd=self.folder)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(result.stdout, f"""streams.conf: no faults; 2 streams, 1 topic
topic {TOPIC}

STREAM                     POLICY       MIN     MAX   DESIRED  ALARM AT   TARGET
orders                     adaptive       2      64         2       80%      60%
a-stream-with-a-long-name  adaptive       1      16         1     72.5%      60%
""")

    def test_what_may_be_meant_but_seldom_is_gets_a_warning(self):
        not_sns = "is not /sns, the only one the daemon takes messages on"
        for line, warning in (("public_url = https://a.example.com/kinesis",
                               f"the path of public_url (https://a.example.com/kinesis) {not_sns}"),
                              ("admin_listen = 127.0.0.1:9000", None),
                              ("public_url = https://a.example.com/sns", None)):
            self.write(GOOD.replace("[service]", f"[service]\n{line}"))
            result = check(cwd=self.folder)
            said = "" if warning is None else f"warning: streams.conf: {warning}\n"
            self.assertEqual((result.returncode, result.stderr), (0, said), line)

    def test_settings_that_decide_nothing_with_the_policy_get_a_warning(self):
        no_effect = "with policy = classic, and it is adaptive"
        for given, section, warnings in (
                ("scale_down_every = 36h", "stream orders", []),  # as it is by itself
                ("scale_down_every = 12h", "stream orders", [f"stream orders: scale_down_every counts {no_effect}"]),
                ("scale_down_every = 12h\npolicy = classic", "stream orders", []),
                ("target_utilization = 55%\nscale_down_window = 2d", "stream orders",
                 [f"stream orders: target_utilization, scale_down_window count {no_effect}"]),
                ("scale_down_threshold = 30%", "stream orders-*",
                 [f"stream orders-*: scale_down_threshold counts {no_effect}"]),
                ("scale_down_threshold = 30%", "defaults",
                 [f"[defaults]: scale_down_threshold counts {no_effect}"])):
            self.write(f"[service]\ntopic_arn = {TOPIC}\n[{section}]\n{given}\n[stream b]\n[stream c]\n")
            result = check(cwd=self.folder)
            self.assertEqual((result.returncode, result.stderr.splitlines()),
                             (0, [f"warning: streams.conf: {warning}" for warning in warnings]), given)

    def test_files_that_others_may_read_get_a_warning(self):
        self.write(GOOD)
        database, keys = (self.write("", name) for name in ("kinescale.db", "credentials"))
        for mode, warned in ((0o600, False), (0o400, False), (0o640, True), (0o644, True), (0o606, True)):
            os.chmod(database, mode)
            os.chmod(keys, mode)
            result = check("--output", "json", cwd=self.folder, AWS_SHARED_CREDENTIALS_FILE=keys)
            wanted = [f"streams.conf: others may read or change the database 'kinescale.db' (mode {mode:04o}): "
                      "chmod 600 it, '-wal' and '-shm' too",
                      f"streams.conf: others may read or change '{keys}' (mode {mode:04o}), where AWS keys are kept: "
                      "chmod 600 it"] if warned else []
            self.assertEqual(result.returncode, 0)
            self.assertEqual(json.loads(result.stdout)["warnings"], wanted)
            self.assertEqual(result.stderr, "".join(f"warning: {line}\n" for line in wanted))

    def test_a_token_file_is_read_as_the_daemon_will(self):
        token = self.write("0123456789abcdefghij\n", "admin.token")
        self.write(GOOD.replace("[service]", f"[service]\nadmin_listen = 0.0.0.0:9000\nadmin_token_file = {token}"))
        for mode, code, said in ((0o600, 0, ""), (0o644, 2, "error: streams.conf: admin_token_file: "
                                 f"'{token}' holds a secret, and others may read or change it (mode 0644): "
                                 "chmod 600 it\n")):
            os.chmod(token, mode)
            result = check(cwd=self.folder)
            self.assertEqual((result.returncode, result.stderr), (code, said))
        os.remove(token)
        result = check(cwd=self.folder)
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn(f"admin_token_file: cannot open '{token}': No such file or directory", result.stderr)

    def test_a_database_that_is_no_file_is_a_fault(self):
        for database, kind in ((self.folder, "a folder"), ("/dev/null", "none")):
            self.write(GOOD.replace("[service]", f"[service]\ndatabase = {database}"))
            result = check(cwd=self.folder)
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            self.assertIn(f"streams.conf: database must be a file, and '{database}' is {kind}\n", result.stderr)

    def test_a_good_file_is_summed_up_as_json(self):
        path = self.write(GOOD)
        result = check("--config", path, "--output", "json")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        said = json.loads(result.stdout)
        self.assertEqual((said["file"], said["faults"], said["warnings"]), (path, [], []))
        self.assertEqual(said["topics"], [TOPIC])
        self.assertEqual([stream["name"] for stream in said["streams"]], ["orders", "a-stream-with-a-long-name"])
        self.assertEqual(said["streams"][0], {
            "name": "orders", "policy": "adaptive", "min_shards": 2, "max_shards": 64, "desired_shards": 2,
            "scale_up_threshold": 0.8, "target_utilization": 0.6})

    def test_every_fault_goes_to_stderr(self):
        self.write(BAD)
        for output in ("table", "json"):
            result = check("--output", output, cwd=self.folder)
            self.assertEqual(result.returncode, 2)
            lines = result.stderr.splitlines()
            self.assertEqual(len(lines), 2)
            self.assertIn("streams.conf:5: max_shards must be at least min_shards (4), not 2", lines[0])
            self.assertIn("streams.conf:7: no setting is called 'max_shrads': did you mean max_shards?", lines[1])
            if output == "json":
                said = json.loads(result.stdout)
                self.assertEqual([f"error: {fault}" for fault in said["faults"]], lines)
                self.assertEqual((said["file"], said["streams"], said["topics"]), ("streams.conf", [], []))
            else:
                self.assertEqual(result.stdout, "")

    def test_a_file_that_is_not_there_is_named(self):
        result = check(cwd=self.folder)
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertEqual(len(result.stderr.splitlines()), 1)
        self.assertIn("cannot open 'streams.conf': No such file or directory", result.stderr)
        said = json.loads(check("--output", "json", cwd=self.folder).stdout)
        self.assertEqual(said["faults"], ["cannot open 'streams.conf': No such file or directory"])

    def test_the_sample_is_right(self):
        result = check("--config=streams.conf")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("3 streams, 1 topic", result.stdout)

    def test_explain_needs_no_file(self):
        result = check("--explain", cwd=self.folder)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("\nmin_shards            stream   shards         1               1 to 10000 shards\n"
                      "    Never fewer shards than this.\n", result.stdout)

    def test_explain_json_tells_scope_unit_and_default(self):
        settings = {row["name"]: row for row in json.loads(check("--explain", "--output", "json").stdout)}
        self.assertTrue(settings["topic_arn"]["required"])
        self.assertIsNone(settings["topic_arn"]["default"])
        self.assertEqual(settings["resharding"]["choices"], ["split", "update-shard-count", "auto"])
        self.assertEqual(settings["cooldown"]["default"], "5m")
        self.assertEqual(settings["cooldown"]["scope"], "stream")
        self.assertEqual(settings["workers"]["unit"], "threads")

    def test_explain_conf_is_the_sample_and_explain_markdown_stands_in_readme(self):
        with open(os.path.join(ROOT, "streams.conf"), encoding="utf-8") as file:
            self.assertEqual(check("--explain", "--output", "conf").stdout, file.read())
        with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
            table = file.read().split("<!-- settings -->\n")[1].split("<!-- /settings -->")[0]
        self.assertEqual(check("--explain", "--output", "markdown").stdout, table)

    def test_what_explain_conf_prints_is_a_configuration(self):
        path = self.write(check("--explain", "--output", "conf").stdout)
        self.assertEqual(check("--config", path).returncode, 0)

    def test_wrong_usage_is_refused(self):
        path = self.write(GOOD)
        for arguments, complaint in (
                (("--output", "yaml"), "--output must be table or json, not 'yaml'"),
                (("--output", "markdown"), "--output must be table or json, not 'markdown'"),
                (("--explain", "--output", "yaml"), "--output must be table, json, markdown or conf, not 'yaml'"),
                (("orders",), "'orders'"),
                (("--explian",), "did you mean '--explain'?"),
                (("--config",), "needs FILE")):
            with self.subTest(arguments=arguments):
                result = check(*(arguments if "--config" in arguments else ("--config", path, *arguments)))
                self.assertEqual((result.returncode, result.stdout), (2, ""))
                self.assertIn(complaint, result.stderr)

    def test_help_names_the_options(self):
        result = check("--help")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for option in ("--config FILE", "--explain", "--output FORM"):
            self.assertIn(option, result.stdout)


if __name__ == "__main__":
    sys.exit(unittest.main())
