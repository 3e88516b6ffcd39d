"""Holds tests/guide/items.txt to the truth: every id once, every named test there and tagged, no tag without a line."""

import pathlib
import subprocess
import tempfile
import unittest

import guide_list
from guide_list import DECLARATIONS, ITEMS, ROOT, WANTED, read_items, tests_of

PLACES = ("src", "tests", "sdk", "web/src", "packs", "examples")
SKIPPED = {"node_modules", "dist", "__pycache__", "testdata"}


def files_with_tests() -> list[pathlib.Path]:
    return sorted(path for place in PLACES for path in (ROOT / place).rglob("*")
                  if path.suffix in DECLARATIONS and path.is_file() and not SKIPPED & set(path.parts))


class List(unittest.TestCase):
    def setUp(self) -> None:
        self.items = read_items(ITEMS.read_text(encoding="utf-8"))

    def test_every_id_is_there_once_and_in_order(self) -> None:
        self.assertEqual([item.id for item in self.items], WANTED)

    def test_titles_are_short_and_of_one_item(self) -> None:
        titles = [item.title for item in self.items]
        self.assertEqual(len(set(titles)), len(titles))
        self.assertLessEqual(max(map(len, titles)), 60)

    def test_every_named_test_exists_and_carries_the_id(self) -> None:
        read: dict[str, dict[str, set[str]]] = {}
        for item in self.items:
            for test in item.tests:
                file, name = test.split("::")
                with self.subTest(f"{item.id} {test}"):
                    path = ROOT / file
                    self.assertTrue(path.is_file(), f"there is no {file}")
                    tests = read.setdefault(file, tests_of(path))
                    self.assertIn(name, tests, f"{file} has no such test")
                    self.assertIn(item.id, tests[name], f"put a comment 'guide: {item.id}' above it")

    def test_every_tag_is_named_by_its_item(self) -> None:
        named = {(item.id, test) for item in self.items for test in item.tests}
        for path in files_with_tests():
            if "guide:" not in path.read_text(encoding="utf-8"):
                continue
            file = str(path.relative_to(ROOT))
            tags = tests_of(path)
            for name, ids in tags.items():
                for tag in ids:
                    with self.subTest(f"{file}::{name}"):
                        self.assertIn(tag, WANTED, "a tag that is no id")
                        # The tag of a class is of all its tests; one of them in the list is enough.
                        group = name.split(".")[0] + "." if path.suffix == ".py" else name
                        self.assertTrue(
                            any(one == tag and test.startswith(f"{file}::{group}") for one, test in named),
                            f"items.txt does not name this test for {tag}")


class Reading(unittest.TestCase):
    """The check itself must be able to fail."""

    def test_what_is_left_stands_beside_what_is_shown_in_part(self) -> None:
        (item,) = read_items("G001 | a | part: f.py::A.test_b | left: the panel (dashboards)\n")
        self.assertEqual((item.tests, item.left), (("f.py::A.test_b",), "the panel (dashboards)"))
        self.assertIn("left: the panel (dashboards)", guide_list.table([item]))
        for rest in ("f.py::A.test_b", "not yet"):
            with self.assertRaisesRegex(ValueError, "items.txt:1: only what is shown in part"):
                read_items(f"G001 | a | {rest} | left: x\n")

    def test_bad_lines_are_refused_with_their_number(self) -> None:
        for line in ("G001 | title", "G001 |  | not yet", "G001 | t | somewhere", "G001 | t | a.py::x; a.py::x",
                     "G001 | t | part: "):
            with self.subTest(line), self.assertRaisesRegex(ValueError, "items.txt:2"):
                read_items("# comment\n" + line)

    def test_tags_are_read_from_every_language(self) -> None:
        rows = [
            (".py", "# guide: G001\nclass A(B):\n    # guide: G002, P03\n    @skip\n    def test_x(self):\n"
                    "    x = 1  # guide: G004\n    def test_y(self):\n",
             {"A.test_x": {"G001", "G002", "P03"}, "A.test_y": {"G001"}}),
            (".cc", "// guide: G001\nTEST(A, B) {\n}\n\nTEST_F(C, D) {\n", {"A.B": {"G001"}, "C.D": set()}),
            (".mjs", '  // guide: G001\n  it("does \'it\'", async () => {\n', {"does 'it'": {"G001"}}),
            (".yml", "tests:\n  # guide: G201\n  - name: a ratio of 2 %\n", {"a ratio of 2 %": {"G201"}}),
            (".cc", "// guide: G001\nint x;\nTEST(A, B) {\n", {"A.B": set()}),  # not right above it
        ]
        with tempfile.TemporaryDirectory() as folder:
            for suffix, text, want in rows:
                path = pathlib.Path(folder) / f"file{suffix}"
                path.write_text(text, encoding="utf-8")
                with self.subTest(text):
                    self.assertEqual(tests_of(path), want)

    def test_the_table_and_its_counts(self) -> None:
        items = read_items("G001 | one | not yet\nG002 | two | part: a.py::x\nP01 | three | a.py::x; b.py::y")
        self.assertEqual(guide_list.table(items).splitlines(), [
            "G001  -      one", f"G002  part   {'two':<60} a.py::x", f"P01   shown  {'three':<60} a.py::x",
            " " * 74 + "b.py::y"])
        self.assertEqual(guide_list.counts(items), "items 2: 0 shown by tests, 1 in part, 1 not yet\n"
                                                   "pitfalls 1: 1 shown by tests, 0 in part, 0 not yet")

    def test_the_command(self) -> None:
        def kw(*arguments: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run([ROOT / "kw", "guide", *arguments], capture_output=True, text=True, check=False)

        whole = kw()
        self.assertEqual(whole.returncode, 0, whole.stderr)
        self.assertEqual(sum(line.startswith(("G", "P")) for line in whole.stdout.splitlines()), len(WANTED))
        self.assertRegex(whole.stdout, r"items 252: \d+ shown by tests, \d+ in part, \d+ not yet\npitfalls 40: ")
        self.assertEqual(kw("G086").stdout.count("\nG"), 0)
        self.assertNotIn("shown  ", kw("--missing").stdout)
        self.assertEqual(kw("G253").returncode, 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
