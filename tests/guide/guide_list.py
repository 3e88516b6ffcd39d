"""Reads tests/guide/items.txt and the tags of the tests, and prints the table of ./kw guide.

    ./kw guide             every item: its id, whether tests show it, its title, the tests
    ./kw guide --missing   those that nothing shows yet
    ./kw guide G086 P35    these

A tag is a comment `guide: G001, P01` in the lines right above a test, or above its class.
"""

from __future__ import annotations

import pathlib
import re
import sys
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
ITEMS = ROOT / "tests" / "guide" / "items.txt"
WANTED = [f"G{n:03}" for n in range(1, 253)] + [f"P{n:02}" for n in range(1, 41)]

SHOWN, PART, NOT_YET = "shown", "part", "-"

TAG = re.compile(r"^\s*(?://|#)\s*guide:\s*(.+?)\s*$")
COMMENT = re.compile(r"^\s*(?://|#|@|$)")  # what may stand between a tag and its test: comments and decorators
DECLARATIONS = {
    ".py": re.compile(r"^(?:class (?P<class>\w+)|    (?:async )?def (?P<name>test_\w+))\b"),
    ".cc": re.compile(r"^TEST(?:_F|_P)?\((?P<suite>\w+), (?P<name>\w+)\)"),
    ".mjs": re.compile(r"""^\s*(?:it|test)\((["'`])(?P<name>.+?)\1"""),
    ".yml": re.compile(r"^\s*- name: (?P<name>.+?)\s*$"),
}


@dataclass(frozen=True)
class Item:
    id: str
    title: str
    state: str  # SHOWN, PART or NOT_YET
    tests: tuple[str, ...]  # FILE::TEST
    left: str = ""  # of one shown in part: what is missing, and which capability it waits for


def read_items(text: str) -> list[Item]:
    """The items of the list. Errors: ValueError with the line."""
    items = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = [field.strip() for field in line.split(" | ")]
        left = fields.pop().removeprefix("left: ") if fields[-1].startswith("left: ") else ""
        if len(fields) != 3 or not all(fields):
            raise ValueError(f"items.txt:{number}: want 'id | title | tests', found {line!r}")
        name, title, rest = fields
        if left and not rest.startswith("part: "):
            raise ValueError(f"items.txt:{number}: only what is shown in part has something left, found {line!r}")
        if rest == "not yet":
            items.append(Item(name, title, NOT_YET, ()))
            continue
        state = PART if rest.startswith("part: ") else SHOWN
        tests = tuple(test.strip() for test in rest.removeprefix("part: ").split(";"))
        if any(test.count("::") != 1 for test in tests) or len(set(tests)) != len(tests):
            raise ValueError(f"items.txt:{number}: want FILE::TEST, each once and separated by ';', found {rest!r}")
        items.append(Item(name, title, state, tests, left))
    return items


def tests_of(file: pathlib.Path) -> dict[str, set[str]]:
    """Test name -> the ids of its tags, of all tests of a file."""
    declaration = DECLARATIONS[file.suffix]
    found: dict[str, set[str]] = {}
    waiting: set[str] = set()
    current_class, class_tags = "", set()
    for line in file.read_text(encoding="utf-8").splitlines():
        tag = TAG.match(line)
        if tag:
            waiting |= set(re.split(r"\s*,\s*", tag.group(1)))
            continue
        match = declaration.match(line)
        if match is None:
            if not COMMENT.match(line):
                waiting = set()
            continue
        groups = match.groupdict()
        if groups.get("class"):
            current_class, class_tags = groups["class"], waiting
        elif file.suffix == ".py":
            found[f"{current_class}.{groups['name']}"] = waiting | class_tags
        else:
            found[f"{groups['suite']}.{groups['name']}" if "suite" in groups else groups["name"]] = waiting
        waiting = set()
    return found


def table(items: list[Item]) -> str:
    lines = []
    for item in items:
        lines.append(f"{item.id:<5} {item.state:<6} {item.title:<60}" + (f" {item.tests[0]}" if item.tests else ""))
        lines += [f"{'':<73} {test}" for test in item.tests[1:]]
        lines += [f"{'':<73} left: {item.left}"] if item.left else []
    return "\n".join(line.rstrip() for line in lines)


def counts(items: list[Item]) -> str:
    def of(letter: str) -> str:
        states = [item.state for item in items if item.id.startswith(letter)]
        return (f"{len(states)}: {states.count(SHOWN)} shown by tests, {states.count(PART)} in part, "
                f"{states.count(NOT_YET)} not yet")

    return f"items {of('G')}\npitfalls {of('P')}"


def main(arguments: list[str]) -> int:
    items = read_items(ITEMS.read_text(encoding="utf-8"))
    chosen = items
    for argument in arguments:
        if argument != "--missing" and argument not in WANTED:
            print(f"kw guide: '{argument}' is neither --missing nor an id (G001 to G252, P01 to P40)", file=sys.stderr)
            return 2
    if "--missing" in arguments:
        chosen = [item for item in chosen if item.state == NOT_YET]
    ids = [argument for argument in arguments if argument != "--missing"]
    if ids:
        chosen = [item for item in chosen if item.id in ids]
    print(table(chosen))
    print()
    print(counts(items))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
