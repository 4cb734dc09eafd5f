"""README.md and HACKING.md say what is so: nothing that does not exist, and nothing left out."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

try:
    import botocore
    import botocore.loaders
    import botocore.model
except ImportError:
    botocore = None

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import rights
from kinescale import free_ports

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
PROGRAM = os.path.abspath(os.environ.get("KINESCALE", os.path.join(ROOT, "build/release/kinescale")))


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


DEPLOY_OPTIONS = {"--stack-name", "--template-file", "--capabilities", "--parameter-overrides"}
README = read("README.md")
HACKING = read("HACKING.md")


def table(name, text=README):
    """The rows of the table between two marks, as lists of cells."""
    text = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", text, re.S).group(1)
    rows = []
    for line in text.splitlines()[2:]:
        cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
        rows.append([cell.strip().replace("\\|", "|") for cell in cells])
    return rows


def quoted(cell):
    return re.findall(r"`([^`]+)`", cell)


def blocks(text, language):
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.S | re.M)
    return [body for name, body in found if name == language]


def commands(text, program):
    """The words of every call of `program` in the text's shell blocks."""
    found = []
    for block in blocks(text, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            line = re.sub(r"^\w+=\$\((.*)\)$", r"\1", line.strip())
            words = shlex.split(line, comments=True)
            if words and words[0] == program:
                found.append(words[1:])
    return found


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=60)


def helped():
    """What --help says: each command with its arguments and its options."""
    overview = run("--help").stdout
    names = re.findall(r"^  (\S+) ", overview.split("commands:")[1], re.M)
    found = {}
    for name in names:
        text = run(name, "--help").stdout
        arguments = re.search(r"^usage: kinescale \S+ \[OPTION\.\.\.\] ?(.*)$", text, re.M).group(1)
        options = re.findall(r"^  (--[a-z-]+(?: \S+)?)  ", text, re.M)
        found[f"{name} {arguments}".strip()] = sorted(option for option in options if option != "--help")
    return found


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


class Readme(unittest.TestCase):
    maxDiff = None

    def test_commands_and_options_are_those_of_help(self):
        told = {quoted(row[0])[0]: sorted(quoted(re.sub(r"\(.*\)", "", row[2]))) for row in table("commands")}
        self.assertEqual(told, helped())

    def test_cron_runs_the_pass_as_a_user_that_is_always_there(self):
        unit = read("tools/kinescale.service.in")
        self.assertIn("\nDynamicUser=yes\n", unit)
        crontab = re.search(r"^17 \* \* \* \*  (\S+)  /\S+/kinescale scale-down --config \S+$", README, re.M)
        self.assertNotEqual(crontab.group(1), re.search(r"^User=(\S+)$", unit, re.M).group(1))
        self.assertIn(f"a user that you made, here `{crontab.group(1)}`", README)

    def test_exit_codes_are_those_of_the_program(self):
        codes = re.findall(r"EXIT_[A-Z]+ = (\d+)", read("include/cli/cli.h"))
        self.assertEqual([row[0] for row in table("exit-codes")], codes)

    def test_letters_are_deleted_only_when_each_was_taken_or_refused_for_good(self):
        recipe, = (block for block in re.findall(r"```sh\n(.*?)```", read("README.md"), re.DOTALL)
                   if "delete-message-batch" in block)
        for received, replayed, deletes in ((0, 0, True), (0, 4, True), (0, 1, False), (0, 2, False), (0, 3, False),
                                            (255, 0, False)):
            with tempfile.TemporaryDirectory() as folder:
                for name, text in (("aws", f'echo "$2" >> calls; [ "$2" != receive-message ] || exit {received}'),
                                   ("kinescale", f"exit {replayed}"), ("jq", "")):
                    path = os.path.join(folder, name)
                    with open(path, "w", encoding="utf-8") as file:
                        file.write(f"#!/bin/sh\n{text}\n")
                    os.chmod(path, 0o700)
                subprocess.run(["sh", "-c", recipe], cwd=folder, check=False,
                               env={"PATH": folder + ":" + os.environ["PATH"]})
                with open(os.path.join(folder, "calls"), encoding="utf-8") as file:
                    self.assertEqual("delete-message-batch" in file.read(), deletes, (received, replayed))

    def test_routes_are_those_of_the_tables(self):
        source = read("src/daemon/daemon.c") + read("src/daemon/admin.c")
        routes = {f"{method} {path}" for method, path in re.findall(r'\{"([A-Z]+)", "(/[^"]*)"', source)}
        self.assertEqual({quoted(row[0])[0] for row in table("routes")}, routes)
        source = read("src/sim/server.c")
        routes = {f"{method} {path}" for method, path in re.findall(r'\{"([A-Z]+)", "(/sim/[^"]*)"', source)}
        self.assertEqual({quoted(row[0])[0] for row in table("sim-routes")}, routes)

    def test_resource_types_and_functions_are_those_of_the_simulated_cloudformation(self):
        types = re.findall(r'\{\.name = "(AWS::[\w:]+)"', read("src/sim/resources.c"))
        self.assertEqual([quoted(row[0])[0] for row in table("resource-types")], types)
        source = read("src/sim/template_functions.c")
        functions = re.findall(r'\{"([\w:]+)", \w+, \w+\}', source[source.index("} functions[] = {"):])
        listed = re.search(r"<!-- functions -->(.*?)<!-- /functions -->", read("README.md"), re.S).group(1)
        self.assertEqual(re.findall(r"`([\w:]+)`", listed), functions)

    def test_lines_of_a_scene_are_those_of_the_parser(self):
        usages = re.findall(r'^     "(\w+ [A-Z][^"]*)",$|\{"\w+", \d, "([^"]*)"', read("src/sim/scene.c"), re.M)
        self.assertEqual({quoted(row[0])[0] for row in table("scene")}, {a or b for a, b in usages})

    def test_events_in_the_table_of_symptoms_are_logged(self):
        section = README.split("## When an alarm did not lead to a split")[1].split("\n## ")[0]
        source = ""
        for folder in ("engine", "daemon"):
            for name in os.listdir(os.path.join(ROOT, "src", folder)):
                source += read(f"src/{folder}/{name}")
        events = {word for word in quoted(section) if re.fullmatch(r"[a-z]+(-[a-z]+)+", word)}
        self.assertGreater(len(events), 5)
        for event in events:
            self.assertIn(f'"{event}"', source)

    def test_the_policy_allows_what_is_called_and_no_more(self):
        policy = json.loads(blocks(README, "json")[0])
        allowed = []
        for statement in policy["Statement"]:
            actions = statement["Action"]
            allowed += [actions] if isinstance(actions, str) else actions
        self.assertEqual(sorted(allowed), sorted(rights.called_by_the_daemon()))

    @unittest.skipIf(botocore is None, "botocore is not at hand")
    def test_aws_commands_are_those_of_the_aws_cli(self):
        found = commands(README, "aws")
        self.assertGreater(len(found), 3)
        loader = botocore.loaders.Loader()
        for service, command, *rest in found:
            if (service, command) == ("cloudformation", "deploy"):  # the CLI's own, made of several operations
                self.assertLessEqual({word for word in rest if word.startswith("--")}, DEPLOY_OPTIONS)
                continue
            model = botocore.model.ServiceModel(loader.load_service_model(service, "service-2"))
            operations = {botocore.xform_name(name, "-"): name for name in model.operation_names}
            self.assertIn(command, operations)
            members = model.operation_model(operations[command]).input_shape.members
            options = {"--" + botocore.xform_name(name, "-") for name in members} | {"--query", "--output"}
            if (service, command) == ("sns", "subscribe"):  # the CLI calls its Endpoint something else
                options.add("--notification-endpoint")
            self.assertEqual([word for word in rest if word.startswith("--") and word not in options], [])

    def test_kinescale_commands_have_the_options_they_are_given(self):
        known = {name.split()[0]: [option.split()[0] for option in options] for name, options in helped().items()}
        found = commands(README + HACKING, "kinescale")
        self.assertGreater(len(found), 1)
        for command, *rest in found:
            self.assertIn(command, known)
            self.assertEqual([w for w in rest if w.startswith("--") and w not in known[command]], [])

    def test_thresholds_are_those_the_formula_gives(self):
        values = re.findall(r"^put_alarm (\w+) (.*)$", README, re.M)
        script = "SHARDS=4\n" + "\n".join(f"echo {name} {value}" for name, value in values)
        said = subprocess.run(["/bin/sh", "-euc", script], capture_output=True, text=True, timeout=10).stdout
        self.assertEqual(said.split(), ["IncomingBytes", str(round(0.8 * 60 * 4 * 1048576)), "IncomingRecords",
                                        str(round(0.8 * 60 * 4 * 1000)), "WriteProvisionedThroughputExceeded", "0"])

    def test_the_smallest_configuration_is_one(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "streams.conf")
            with open(path, "w", encoding="utf-8") as file:
                file.write(blocks(README, "ini")[0])
            result = run("check", "--config", path)
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_rules_of_an_action_are_those_of_the_table(self):
        rules = re.findall(r'\{(\d+), ACTION_(\w+), EVENT_(\w+), ACTION_(\w+), DEED_(\w+),\s*((?:"[^"]*"\s*)+)\}',
                           read("src/scaling/action.c"))
        self.assertGreater(len(rules), 20)
        rows = [[number, *(word.lower().replace("_", "-") for word in words), "".join(re.findall(r'"([^"]*)"', why))]
                for number, *words, why in rules]
        self.assertEqual(table("rules", HACKING), rows)

    def test_targets_of_make_exist(self):
        targets = re.findall(r"^([a-z-]+):", read("Makefile"), re.M)
        text = README + HACKING
        named = re.findall(r"`make ([a-z-]+)", re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M))
        named += re.findall(r"^make ([a-z][a-z-]+)(?:\s|$)", "".join(blocks(text, "sh") + blocks(text, "")), re.M)
        self.assertGreater(len(named), 5)
        for target in named:
            self.assertIn(target, targets)

    def test_executions_of_fuzzers_are_at_least_as_many_as_told(self):
        fuzzers = re.findall(r"^fuzz_(\w+)\.c$", "\n".join(os.listdir(os.path.join(ROOT, "tests/fuzz"))), re.M)
        executions = {name: int(count) for name, count in map(str.split, read("tests/fuzz/executions").splitlines())}
        row = re.search(r"`make fuzz`: (\d+) fuzzers.*\| each executed more than a million times, ([\d,]+) in all", README)
        told, total = (int(number.replace(",", "")) for number in row.groups())
        self.assertEqual((sorted(executions), told), (sorted(fuzzers), len(fuzzers)))
        self.assertGreater(min(executions.values()), 1000000)
        self.assertGreaterEqual(sum(executions.values()), total)

    def test_files_that_hacking_names_exist(self):
        for path in re.findall(r"`((?:src|include|tests|tools|migrations|\.ci)/[\w./-]*)`", HACKING):
            self.assertTrue(os.path.exists(os.path.join(ROOT, path)), path)


class Running(unittest.TestCase):
    """The example of the simulated AWS, as README tells it; only the ports are others."""

    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def start(self, *arguments, environment=None):
        errors = open(os.path.join(self.folder, arguments[0] + ".err"), "w", encoding="utf-8")
        self.addCleanup(errors.close)
        process = subprocess.Popen([PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=errors, text=True,
                                   env={**os.environ, **(environment or {})})
        self.addCleanup(self.end, process)
        return process

    def end(self, process):
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)

    def start_sim(self, scene):
        sim = self.start("sim-aws", "--listen", "127.0.0.1:0", "--scene", scene, "--speed", "60")
        said = ""
        while "serve --clock" not in said:
            line = sim.stdout.readline()
            self.assertNotEqual(line, "")
            said += line
        return said

    def test_a_simulated_aws_that_is_slow_to_start_is_waited_for(self):
        block = next(block for block in blocks(README, "sh") if "sim.env" in block)
        self.write("announced", next(text for text in blocks(README, "") if text.startswith("# simulated AWS")))
        self.write("sim.env", "# of a run before\nexport AWS_ENDPOINT_URL=http://127.0.0.1:1\n# serve --clock 1@1\n")
        shown = subprocess.run(["/bin/sh", "-c", """kinescale() {
            case "$1" in
            sim-aws) sleep 1.5; cat announced ;;
            serve) echo "$AWS_ENDPOINT_URL" "$@" ;;
            esac
        }
        """ + block + "wait\n"], cwd=self.folder, capture_output=True, text=True, timeout=60)
        self.assertEqual(shown.stderr, "")
        self.assertRegex(shown.stdout, r"^http://127\.0\.0\.1:4567 serve --config orders\.conf --clock \d{13}@60\n$")

    def wait_for(self, condition, what):
        deadline = time.monotonic() + 60
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.1)

    def test_the_example_runs_and_has_the_metrics_that_are_told(self):
        plain = blocks(README, "")
        scene = next(block for block in plain if "\nstream orders" in block)
        announced = next(block for block in plain if block.startswith("# simulated AWS"))
        front, admin = free_ports(2)
        said = self.start_sim(self.write("orders.scene", scene.replace(":8080/", f":{front}/")))
        blur = r"127\.0\.0\.1:\d+|--clock \d+"
        self.assertEqual(re.sub(blur, "", said), re.sub(blur, "", announced))

        topic = re.search(r"`topic_arn = (arn:aws:sns:us-east-1:\S+)`", README).group(1)
        config = self.write("orders.conf", f"""[service]
topic_arn = {topic}
database = {self.folder}/kinescale.db
listen = 127.0.0.1:{front}
admin_listen = 127.0.0.1:{admin}
[stream orders]
""")
        environment = dict(line[len("export "):].split("=", 1) for line in said.splitlines() if "export" in line)
        environment = {name: value.strip("'") for name, value in environment.items()}
        self.start("serve", "--config", config, "--clock", said.split("--clock ")[1].strip(), environment=environment)

        def ready():
            try:
                return get(f"http://127.0.0.1:{admin}/readyz") == "store: ok\nworkers: ok\ncredentials: ok\naws: ok\n"
            except OSError:
                return False

        self.wait_for(ready, "the daemon is not ready")
        self.wait_for(lambda: "{result=\"confirmed\"} 1" in get(f"http://127.0.0.1:{admin}/metrics"),
                      "the subscription is not confirmed")
        self.wait_for(lambda: "kinescale_open_shards{" in get(f"http://127.0.0.1:{admin}/metrics"),
                      "no stream was looked at")
        metrics = get(f"http://127.0.0.1:{admin}/metrics")
        told = {quoted(row[0])[0]: sorted(filter(None, row[1].split(", "))) for row in table("metrics")}
        self.assertEqual(sorted(told), sorted(re.findall(r"^# TYPE (\S+) ", metrics, re.M)))
        for name, text in re.findall(r"^(kinescale_\w+)(?:\{(.*)\})? ", metrics, re.M):
            self.assertEqual(sorted(re.findall(r'(\w+)="', text)), told[name], name)
        for row in table("metrics"):
            for value in re.findall(r"[a-z-]+", row[2].split(": ")[1]) if ": " in row[2] else []:
                self.assertRegex(metrics, rf'(?m)^{quoted(row[0])[0]}\{{.*"{value}"')

        shell = f"curl -sf -X PUT -d 'load=constant:5M&record_bytes=2048' {environment['AWS_ENDPOINT_URL']}"
        self.assertIn(shell.split("http")[0].replace("-sf ", ""), README)
        request = urllib.request.Request(environment["AWS_ENDPOINT_URL"] + "/sim/traffic/orders", method="PUT",
                                         data=b"load=constant:5M&record_bytes=2048")
        with urllib.request.urlopen(request, timeout=10) as answer:
            self.assertEqual(answer.read(), b"ok\n")


if __name__ == "__main__":
    unittest.main()
