"""A folder in which loads are replayed: its streams.conf, the files beside it, and the program."""

import os
import subprocess
import tempfile
import unittest

from kinescale import PROGRAM, ROOT

TRACES = os.path.join(ROOT, "..", "shared", "data", "traces")
MIB = 1048576


class Folder(unittest.TestCase):
    """One for all tests of a class; each begins with CONFIG as streams.conf."""

    CONFIG = ""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.write("streams.conf", cls.CONFIG)

    def setUp(self):
        self.write("streams.conf", self.CONFIG)

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder, name)

    @classmethod
    def write(cls, name, text):
        with open(cls.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return cls.path(name)

    @classmethod
    def write_load(cls, mib_s, name="load.csv", header="minute,bytes,records", record_bytes=2048):
        """One value a minute; cls.minutes are the bytes and records of the load that was written last."""
        cls.minutes = [(value * MIB * 60, value * MIB * 60 / record_bytes) for value in mib_s]
        return cls.write(name, header + "\n" + "".join(f"{i},{b!r},{r!r}\n" for i, (b, r) in enumerate(cls.minutes)))

    @classmethod
    def run_program(cls, *arguments):
        return subprocess.run([PROGRAM, "backtest", "--config", cls.path("streams.conf"), *arguments],
                              capture_output=True, text=True, check=False, timeout=600)
