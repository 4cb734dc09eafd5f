"""make install: what lands where, and units that name what was installed."""

import os
import re
import shutil
import stat
import subprocess
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
PROGRAM = os.path.abspath(os.environ.get("KINESCALE", os.path.join(ROOT, "build/release/kinescale")))
FLAVOUR = os.path.basename(os.path.dirname(PROGRAM))
OBJECTS = os.path.dirname(os.path.dirname(PROGRAM))

PLACES = {
    "usr/bin/kinescale": 0o755,
    "etc/kinescale/streams.conf.sample": 0o644,
    "usr/share/doc/kinescale/README.md": 0o644,
    "usr/share/kinescale/cfn/service.yaml": 0o644,
    "usr/share/kinescale/cfn/stream.yaml": 0o644,
    "usr/lib/systemd/system/kinescale.service": 0o644,
    "usr/lib/systemd/system/kinescale-scale-down.service": 0o644,
    "usr/lib/systemd/system/kinescale-scale-down.timer": 0o644,
}
UNITS = [path for path in PLACES if path.startswith("usr/lib/systemd")]


class Install(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def make(self, target):
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
        result = subprocess.run(
            ["make", "-s", target, f"O={OBJECTS}", f"FLAVOUR={FLAVOUR}", f"DESTDIR={self.folder}", "prefix=/usr",
             "sysconfdir=/etc"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))

    def files(self):
        return {os.path.relpath(os.path.join(folder, name), self.folder)
                for folder, _, names in os.walk(self.folder) for name in names}

    def read(self, path):
        with open(os.path.join(self.folder, path), encoding="utf-8") as file:
            return file.read()

    def test_everything_lands_where_it_was_told_and_goes_again(self):
        self.make("install")
        self.assertEqual(self.files(), set(PLACES))
        for path, mode in PLACES.items():
            self.assertEqual(stat.S_IMODE(os.stat(os.path.join(self.folder, path)).st_mode), mode, path)
        program = os.path.join(self.folder, "usr/bin/kinescale")
        sample = os.path.join(self.folder, "etc/kinescale/streams.conf.sample")
        self.assertEqual(subprocess.run([program, "check", "--config", sample], capture_output=True,
                                        timeout=60).returncode, 0)
        unit = self.read("usr/lib/systemd/system/kinescale.service")
        self.assertIn("\nExecStart=/usr/bin/kinescale serve --config /etc/kinescale/streams.conf\n", unit)
        self.assertIn("\nExecReload=/usr/bin/kinescale check --config /etc/kinescale/streams.conf\n"
                      "ExecReload=/bin/kill -HUP $MAINPID\n", unit)
        for line in ("Restart=always", "RestartSec=2s", "RestartPreventExitStatus=2", "StartLimitIntervalSec=0"):
            self.assertIn(f"\n{line}\n", unit)
        for path in UNITS:
            self.assertIsNone(re.search(r"@\w+@", self.read(path)), path)
        self.make("uninstall")
        self.assertEqual(self.files(), set())

    @unittest.skipIf(shutil.which("systemd-analyze") is None, "systemd is not at hand")
    def test_the_services_are_exposed_as_little_as_readme_says(self):
        with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
            told = re.search(r"`systemd-analyze security` gives both services ([0-9.]+) of 10", file.read()).group(1)
        self.make("install")
        for unit in UNITS:
            if not unit.endswith(".service"):
                continue
            result = subprocess.run(
                ["systemd-analyze", "security", "--offline=true", "--no-pager", os.path.join(self.folder, unit)],
                capture_output=True, text=True, timeout=60)
            score = re.search(r"Overall exposure level for \S+: ([0-9.]+) ", result.stdout).group(1)
            self.assertEqual(score, told, unit)
            self.assertLess(float(score), 1.5)

    @unittest.skipIf(shutil.which("systemd-analyze") is None, "systemd is not at hand")
    def test_systemd_understands_every_line_of_the_units(self):
        self.make("install")
        paths = []
        for unit in UNITS:
            paths.append(os.path.join(self.folder, os.path.basename(unit)))
            with open(paths[-1], "w", encoding="utf-8") as file:
                file.write(self.read(unit).replace("/usr/bin/kinescale", PROGRAM))
        result = subprocess.run(["systemd-analyze", "verify", "--man=no", *paths], capture_output=True, text=True,
                                timeout=60)
        self.assertEqual([line for line in result.stderr.splitlines() if "kinescale" in line], [])


if __name__ == "__main__":
    unittest.main()
