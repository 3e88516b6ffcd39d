"""Counts the test cases in a ctest log: GoogleTest's and unittest's own counts, else one a program."""

import re
import sys


def count(log: str) -> tuple[int, int, int]:
    passed = failed = skipped = 0
    # ctest separates programs by this line; each part has the program's output and its verdict.
    for part in re.split(r"^-{58}$\n(?=\d+/\d+ Test)|^(?=\d+/\d+ Testing: )", log, flags=re.MULTILINE):
        if not re.match(r"\d+/\d+ Test", part):
            continue
        ok = "\nTest Passed.\n" in part
        gtest = re.findall(r"\[  PASSED  \] (\d+) test", part)
        unittest = re.findall(r"^Ran (\d+) tests? in ", part, flags=re.MULTILINE)
        if gtest:
            bad = sum(int(n) for n in re.findall(r"\[  FAILED  \] (\d+) test", part))
            skip = sum(int(n) for n in re.findall(r"\[  SKIPPED \] (\d+) test", part))
            passed += sum(int(n) for n in gtest)
            failed += bad or (0 if ok else 1)
            skipped += skip
        elif unittest:
            ran = sum(int(n) for n in unittest)
            skip = sum(int(n) for n in re.findall(r"skipped=(\d+)", part))
            bad = sum(int(n) for n in re.findall(r"(?:failures|errors)=(\d+)", part))
            bad = bad or (0 if ok else 1)
            passed += max(ran - skip - bad, 0)
            failed += bad
            skipped += skip
        elif ok:
            passed += 1
        else:
            failed += 1
    return passed, failed, skipped


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8", errors="replace") as file:
        print(*count(file.read()))
