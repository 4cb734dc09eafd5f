"""backtest --report: one page that asks nobody for anything, and that can be read: by a parser, by a browser, on paper."""

import json
import math
import os
import re
import shutil
import struct
import subprocess
import sys
import unittest
import xml.etree.ElementTree
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from backtests import MIB, Folder  # noqa: E402

HTML = "{http://www.w3.org/1999/xhtml}"

CONFIG = """[service]
database = unused.db
topic_arn = arn:aws:sns:eu-west-1:123456789012:scaling
[stream events]
min_shards = 1
max_shards = 64
desired_shards = 4
scale_down_every = 4h
scale_down_window = 1h
"""


class Hills(Folder):
    """Three days of hills with a gap and one peak of a single minute, and the page that comes of it."""

    CONFIG = CONFIG

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        hills = [6 + 5.5 * math.sin(i / 1440 * 2 * math.pi) for i in range(3 * 1440)]
        hills[1000:1100] = [0] * 100
        hills[4000] = 30
        cls.load = cls.write_load(hills)
        cls.run_one = cls.run_program("--load", cls.load, "--compare", "--report", cls.path("report.html"))
        with open(cls.path("report.html"), encoding="utf-8") as file:
            cls.page = file.read()

    def report(self, name, *arguments):
        """The page as a tree, its text and what the terminal said."""
        done = self.run_program("--report", self.path(name), *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        with open(self.path(name), encoding="utf-8") as file:
            page = file.read()
        return xml.etree.ElementTree.fromstring(page), page, done.stdout


def by_class(tree, name):
    return [e for e in tree.iter() if name in (e.get("class") or "").split()]


def text_of(element):
    return " ".join("".join(element.itertext()).split())


def points(path):
    """The corners of a path of M, V, H, h, v, l and z."""
    x = y = 0.0
    for letter, numbers in re.findall(r"([MVHhvlz])([^MVHhvlz]*)", path):
        values = [float(n) for n in numbers.split()]
        if letter == "M":
            x, y = values
        elif letter == "V":
            (y,) = values
        elif letter == "H":
            (x,) = values
        elif letter == "h":
            x += values[0]
        elif letter == "v":
            y += values[0]
        elif letter == "l":  # "l4 8"
            x, y = x + values[0], y + values[1]
        yield x, y


def numbers_of(element):
    """Where a shape begins and ends."""
    tag = element.tag.rpartition("}")[2]
    if tag == "rect":
        x, y, width, height = (float(element.get(a)) for a in ("x", "y", "width", "height"))
        return [(x, y), (x + width, y + height)]
    if tag == "text":
        return [(float(element.get("x")), float(element.get("y")))]
    return list(points(element.get("d")))


class Page(Hills):
    def test_it_is_well_formed_and_refers_to_nothing_outside(self):
        tree = xml.etree.ElementTree.fromstring(self.page)
        self.assertIn("default-src 'none'", self.page)
        self.assertNotIn("<script", self.page)
        self.assertNotIn("@import", self.page)
        self.assertEqual(set(re.findall(r"url\([^)]*\)", self.page)), {"url(#hatch)"})
        self.assertEqual(re.findall(r"https?://[^\"' <]+", self.page), ["http://www.w3.org/1999/xhtml"])
        ids = [e.get("id") for e in tree.iter() if e.get("id")]
        self.assertEqual(len(ids), len(set(ids)))
        for element in tree.iter():
            self.assertFalse({"src", "srcset", "action", "data", "style", "onload", "onclick"} & set(element.keys()))
            if element.get("href"):
                self.assertIn(element.get("href").lstrip("#"), ids)
            for name in (element.get("aria-labelledby") or "").split():
                self.assertIn(name, ids)

    def test_every_plot_has_a_title_a_description_and_a_unit(self):
        tree = xml.etree.ElementTree.fromstring(self.page)
        plots = [e for e in tree.iter(HTML + "svg") if e.get("role")]
        self.assertEqual([p.get("aria-labelledby") for p in plots],
                         ["load-title load-desc", "shards-title shards-desc", "map-title map-desc"])
        self.assertEqual([p.get("role") for p in plots], ["img", "group", "img"])  # one has links in it
        for plot in plots:
            self.assertGreater(len(plot.find(HTML + "title").text), 10)
            self.assertGreater(len(plot.find(HTML + "desc").text), 50)
        units = [plot.findall(HTML + "text") for plot in plots]
        self.assertIn("MiB/s", [t.text for t in units[0]])
        self.assertIn("shards", [t.text for t in units[1]])
        self.assertIn("% of the hash keys", [t.text for t in units[2]])

    def assert_inside(self, tree):
        for plot in tree.iter(HTML + "svg"):
            if not plot.get("role"):
                continue
            _, _, width, height = (float(n) for n in plot.get("viewBox").split())
            shapes = [e for e in plot.iter() if e.tag.rpartition("}")[2] in ("path", "rect", "text")]
            self.assertGreater(len(shapes), 10)
            for shape in shapes:
                for x, y in numbers_of(shape):
                    self.assertTrue(math.isfinite(x) and math.isfinite(y))
                    self.assertTrue(0 <= x <= width and 0 <= y <= height, (shape.attrib, x, y, width, height))

    def test_datapoints_that_come_too_late_to_be_used_are_told(self):
        """So late no minute is known: alarms make shards more, nothing makes them fewer, and there is no figure to tell."""
        load = self.write_load([2.0] * 60 + [6.0] * 60 + [1.0] * 240, "late.csv")
        told = "it acted by alarms alone, and gave nothing back."
        for delay, late in (("240", False), ("241", True)):
            tree, _, answer = self.report("late.html", "--load", load, "--metric-delay", delay)
            self.assertEqual(told in answer, late)
            self.assertEqual(told in text_of(tree), late)
            self.assertEqual(" 0 merges" in answer, late)
            self.assertIn("CloudWatch has no minute of the last 5; ", text_of(tree))

    def test_every_coordinate_is_finite_and_inside(self):
        self.assert_inside(xml.etree.ElementTree.fromstring(self.page))
        extremes = {
            "one minute": [1.0],
            "nothing": [0.0] * 60,
            "next to nothing": [1e-9] * 60,
            "far too much": [1.0] * 30 + [90000.0] * 30,
        }
        for name, values in extremes.items():
            with self.subTest(load=name):
                load = self.write_load(values, "extreme.csv")
                self.assert_inside(self.report("extreme.html", "--load", load)[0])

    def test_its_table_is_that_of_the_terminal(self):
        rows = [re.split(r"  +", line.strip()) for line in self.run_one.stdout.splitlines()]
        rows = [row for row in rows if len(row) == 11]
        self.assertGreaterEqual(len(rows), 10)
        table = next(xml.etree.ElementTree.fromstring(self.page).iter(HTML + "table"))
        shown = [[text_of(cell) for cell in row] for row in table.find(HTML + "tbody")]
        self.assertEqual(shown, rows)

    def test_every_action_has_a_mark_and_a_row_with_its_reason(self):
        tree = xml.etree.ElementTree.fromstring(self.page)
        marks = [a.get("href")[1:] for a in tree.iter(HTML + "a")]
        rows = {r.get("id"): r for r in tree.iter(HTML + "tr") if (r.get("id") or "").startswith("deed-")}
        self.assertGreater(len(marks), 3)
        self.assertEqual(sorted(marks), sorted(rows))
        for row in rows.values():
            cells = [text_of(cell) for cell in row]
            self.assertRegex(cells[0], r"^day \d \d\d:\d\d$")
            self.assertRegex(cells[1], r"^(scale-up|scale-down|repair)$")
            self.assertRegex(cells[2], r"^\d+ to \d+$")
            self.assertRegex(cells[4], r"\d")
        ups = len(by_class(tree, "up")) - 1  # one is in the legend
        downs = len(by_class(tree, "down"))
        kinds = [text_of(row[2]).split(" to ") for row in rows.values()]
        self.assertEqual((ups, downs), (sum(int(b) > int(a) for a, b in kinds), sum(int(b) < int(a) for a, b in kinds)))

    def test_one_throttled_minute_in_twenty_days_is_seen(self):
        values = [1.0] * 20 * 1440
        values[23333] = 7.0
        tree, page, told = self.report("long.html", "--load", self.write_load(values, "long.csv"))
        lane = [e for e in by_class(tree, "lost") if e.tag == HTML + "rect" and e.find(HTML + "title") is not None]
        self.assertEqual(len(lane), 1)
        self.assertGreaterEqual(float(lane[0].get("width")), 3)
        lost = re.search(r"kinescale throttled ([\d.]+) MiB", told).group(1)
        self.assertGreater(float(lost), 100)
        self.assertTrue(text_of(lane[0]).endswith(f"{lost} MiB throttled in 1 minute"), text_of(lane[0]))
        self.assertAlmostEqual(float(lane[0].get("x")), 64 + 900 * 23333 / len(values), delta=1.5)
        # The peak of 7 is drawn although a column stands for 32 minutes: the area reaches its height.
        area = points(next(e for e in by_class(tree, "load-high") if e.tag == HTML + "path").get("d"))
        plot = next(e for e in tree.iter(HTML + "svg") if e.get("role"))
        labels = {float(t.text): float(t.get("y")) - 4 for t in by_class(plot, "end") if re.fullmatch(r"[\d.]+", t.text)}
        top = max(labels)
        self.assertAlmostEqual(min(y for _, y in area), labels[0] - (labels[0] - labels[top]) * 7 / top, delta=0.3)
        self.assertLess(len(page), 1 << 20)

    def test_the_map_covers_the_hash_keys_at_all_times(self):
        tree = xml.etree.ElementTree.fromstring(self.page)
        cells = [[float(e.get(a)) for a in ("x", "y", "width", "height")] for e in tree.iter(HTML + "rect")
                 if (e.get("class") or "").startswith("full-") and e.find(HTML + "title") is not None]
        self.assertGreater(len(cells), 8)
        self.assertAlmostEqual(sum(width * height for _, _, width, height in cells), 900 * 260, delta=900 * 260 / 100)

    def test_records_are_the_unit_when_they_bind(self):
        load = self.write_load([1.0] * 60, "small.csv", record_bytes=300)
        tree, _, _ = self.report("small.html", "--load", load)
        self.assertIn("records/s", [t.text for t in tree.iter(HTML + "text")])

    def test_dates_are_told_when_the_load_has_them(self):
        rows = "".join(f"2026-02-28T{i // 60:02d}:{i % 60:02d}:00Z,{MIB * 60},{30720}\n" for i in range(180))
        tree, _, _ = self.report("dated.html", "--load", self.write("dated.csv", "timestamp,bytes,records\n" + rows))
        self.assertIn("Sat 2026-02-28 00:00 to Sat 2026-02-28 03:00 UTC", text_of(tree))
        labels = [t.text for t in by_class(tree, "tick")]
        self.assertIn("00:30", labels)
        self.assertIn("28 Feb", labels)

    def test_it_changes_nothing_and_is_the_same_to_the_byte(self):
        plain = self.run_program("--load", self.load, "--compare")
        self.assertEqual(plain.stdout, self.run_one.stdout)
        _, again, _ = self.report("again.html", "--load", self.load, "--compare")
        self.assertEqual(again, self.page)

    def test_what_cannot_be_written_is_said_and_leaves_what_was_there(self):
        short = self.write_load([1.0] * 5, "short.csv")
        cases = [
            (short, 2, f"--report would write over the load in '{short}'"),
            ("/none/report.html", 2, "cannot write '/none/report.html': No such file or directory"),
            (self.folder, 2, f"cannot write '{self.folder}': Is a directory"),
            ("/dev/full", 1, "cannot write '/dev/full': No space left on device"),
        ]
        for path, code, complaint in cases:
            with self.subTest(path=path):
                operations = os.path.join(self.folder, "operations-of-none")
                done = self.run_program("--load", short, "--report", path, "--operations", operations)
                self.assertEqual(done.returncode, code)
                self.assertIn(complaint, done.stderr)
                self.assertEqual(os.path.exists(operations), code == 1)  # else it is told before anything is replayed
        self.assertEqual([name for name in os.listdir(self.folder) if ".tmp" in name], [])


# ---- in a browser

BROWSER = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium"))), None)

# What a reader would stumble over: text over text, text that is cut off, a page that is wider than its window.
LAYOUT = """<script>
const complaints = [];
for (const svg of document.querySelectorAll("svg[role]")) {
    const frame = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll("text")].map(t => [t.textContent, t.getBoundingClientRect()]);
    texts.forEach(([name, box], i) => {
        if (box.left < frame.left - 0.5 || box.right > frame.right + 0.5 || box.bottom > frame.bottom + 0.5)
            complaints.push(name + " is cut off");
        for (const [other, b] of texts.slice(i + 1))
            if (box.left < b.right - 1 && b.left < box.right - 1 && box.top < b.bottom - 3 && b.top < box.bottom - 3)
                complaints.push(name + " lies over " + other);
    });
}
if (document.documentElement.scrollWidth > window.innerWidth)
    complaints.push("the page is " + document.documentElement.scrollWidth + " wide, its window " + window.innerWidth);
for (const table of document.querySelectorAll("table"))
    if (PAPER && table.getBoundingClientRect().right > window.innerWidth)
        complaints.push("a table is cut off");
const result = document.createElement("output");
result.id = "complaints";
result.textContent = JSON.stringify(complaints);
document.body.append(result);
</script>"""


def read_png(path):
    """Rows of (red, green, blue); what Chromium writes: 8 bits, no interlace."""
    with open(path, "rb") as file:
        data = file.read()
    at, packed = 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colours = struct.unpack(">IIBB", body[:10])
        if kind == b"IDAT":
            packed += body
        at += 12 + length
    step = {2: 3, 6: 4}[colours]
    assert depth == 8
    raw, stride, before, rows = zlib.decompress(packed), width * step, bytearray(width * step), []
    for y in range(height):
        line = bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        how = raw[y * (stride + 1)]
        for i in range(stride):
            left = line[i - step] if i >= step else 0
            up, corner = before[i], before[i - step] if i >= step else 0
            if how == 4:
                guess = left + up - corner
                add = min((left, up, corner), key=lambda v: abs(guess - v))
            else:
                add = (0, left, up, (left + up) // 2)[how]
            line[i] = (line[i] + add) & 255
        rows.append(line)
        before = line
    return [[tuple(line[i:i + 3]) for i in range(0, stride, step)] for line in rows]


@unittest.skipUnless(BROWSER, "no Chromium (make report-test installs it)")
class Browser(Hills):
    def browse(self, page, *options, width=1200, height=1300):
        done = subprocess.run(
            [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-color-profile=srgb",
             f"--user-data-dir={self.path('profile')}", f"--window-size={width},{height}", *options, "file://" + page],
            capture_output=True, text=True, check=False, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def layout(self, paper, **window):
        page = re.sub(r"<meta http-equiv[^>]*>", "", self.page)
        if paper:
            page = page.replace("@media print", "@media all")
        script = LAYOUT.replace("PAPER", "true" if paper else "false")
        path = self.write("layout.html", page.replace("</body>", script + "</body>"))
        dom = self.browse(path, "--dump-dom", **window)
        return json.loads(re.search(r'<output id="complaints">(.*?)</output>', dom).group(1))

    def test_no_text_is_cut_off_or_lies_over_another(self):
        self.assertEqual(self.layout(False), [])
        self.assertEqual(self.layout(False, width=800), [])
        self.assertEqual(self.layout(True, width=688), [])  # a sheet of A4 without its margins

    def colours(self, name, *options):
        page = self.write("colours.html", re.sub(r"<dl>.*?</dl>|<table.*?</table>", "", self.page, flags=re.S))
        self.browse(page, f"--screenshot={self.path(name)}", *options, width=800, height=700)
        counts = {}
        for row in read_png(self.path(name)):
            for pixel in row:
                counts[pixel] = counts.get(pixel, 0) + 1
        return counts

    def test_it_is_light_or_dark_as_the_reader_likes(self):
        light, dark = self.colours("light.png"), self.colours("dark.png", "--blink-settings=preferredColorScheme=0")
        for colours, paper, load in ((light, (255, 255, 255), (0x5b, 0x98, 0xd1)),
                                     (dark, (0x14, 0x18, 0x1d), (0x3f, 0x7d, 0xb8))):
            self.assertEqual(max(colours, key=colours.get), paper)
            self.assertGreater(colours.get(load, 0), 2000)

    def test_it_can_be_printed(self):
        self.browse(self.path("report.html"), f"--print-to-pdf={self.path('report.pdf')}")
        with open(self.path("report.pdf"), "rb") as file:
            pdf = file.read()
        self.assertTrue(pdf.startswith(b"%PDF-"))
        self.assertIn(len(re.findall(rb"/Type\s*/Page\b", pdf)), range(2, 8))


if __name__ == "__main__":
    unittest.main()
