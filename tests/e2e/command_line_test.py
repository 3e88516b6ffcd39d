"""Exit codes and words of a command line that is wrong, as docs/command-line.md promises them."""

import os
import subprocess
import unittest

BINARY = os.environ["KW_BINARY"]


class CommandLine(unittest.TestCase):
    def test_usage(self) -> None:
        rows = [
            (["--help"], 0, "", "Usage: kilowatch"),
            (["check", "config", "--help"], 0, "", "--syntax-only"),
            ([], 1, "A subcommand is required", ""),
            (["foo"], 1, '"foo" is not known here', ""),
            (["query", "bar"], 1, '"bar" is not known here', ""),
            (["query", "instant", "localhost:1"], 1, "expr is required", ""),
            (["query", "instant", "localhost:1", "1", "--format=xml"], 1, "xml not in", ""),
            (["serve", "--nope"], 1, "not expected: --nope", ""),
            (["check", "config", "/nonexistent"], 1, "cannot open /nonexistent", ""),
        ]
        for arguments, code, err, out in rows:
            with self.subTest(arguments=arguments):
                ended = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=60)
                self.assertEqual(ended.returncode, code, ended.stderr)
                self.assertIn(err, ended.stderr)
                self.assertIn(out, ended.stdout)


if __name__ == "__main__":
    unittest.main()
