"""Executes what README.md and docs/ show, on a running server.

    ```console   lines that begin with `$ ` are run by bash, in a folder of their own that has the server's
                 prometheus.yml; `localhost:9090` is the test's server, `kilowatch` and build/release/kilowatch its
                 binary. What stands below a command must be in its output, line by line in order; `...` is anything.
    ```sh        commands that a test cannot run (they install, or run for ever): ./kw commands must stand in
                 ./kw help, kilowatch commands must have a --help that names the flags shown.
    ```yaml      a whole configuration, which `kilowatch check config --syntax-only` accepts; or the `receivers:` of
                 an alertmanager.yml, which `kilowatch check alertmanager` does
    ```promql    expressions, separated by blank lines or comments; each must be answered
    ```json      must parse
    ```python    a whole program, run by Debian's python3 with sdk/python on its path
    ```text      layouts and diagrams: nothing to execute; so is a block without a name

Any other name fails, so that nothing is shown unchecked. Links between pages must lead somewhere.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from harness import BINARY, ROOT, EndToEndTest, wait_until  # noqa: E402

PAGES = sorted([ROOT / "README.md", ROOT / "ARCHITECTURE.md", *(ROOT / "docs").rglob("*.md")])
DEBIAN_PYTHON = pathlib.Path("/usr/bin/python3")  # the one that has Debian's FastAPI
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def blocks(language: str) -> list[tuple[str, str]]:
    """(where, text) of every block of a language."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in FENCE.finditer(text):
            if match.group(1) == language:
                line = text[:match.start()].count("\n") + 1
                found.append((f"{page.relative_to(ROOT)}:{line}", match.group(2)))
    return found


def expressions(text: str) -> list[str]:
    parts = re.split(r"\n\s*\n", re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE))
    return [p.strip() for p in parts if p.strip()]


class Static(unittest.TestCase):
    def test_every_block_has_a_known_language(self) -> None:
        known = {"console", "sh", "yaml", "promql", "json", "python", "text", ""}
        for page in PAGES:
            for match in FENCE.finditer(page.read_text(encoding="utf-8")):
                self.assertIn(match.group(1), known, page)

    def test_links_between_pages_lead_somewhere(self) -> None:
        for page in PAGES:
            text = FENCE.sub("", page.read_text(encoding="utf-8"))
            for target in LINK.findall(text):
                if not re.match(r"\w+:", target):
                    self.assertTrue((page.parent / target).exists(), f"{page.relative_to(ROOT)}: {target}")

    def test_json_parses(self) -> None:
        for where, text in blocks("json"):
            with self.subTest(where):
                json.loads(text)

    def test_python_programs_run(self) -> None:
        if not DEBIAN_PYTHON.exists():
            self.skipTest(f"{DEBIAN_PYTHON} is not installed; ./kw test installs it")
        for where, text in blocks("python"):
            with self.subTest(where), tempfile.TemporaryDirectory() as folder:
                done = subprocess.run([DEBIAN_PYTHON, "-W", "error", "-c", text], capture_output=True, text=True,
                                      timeout=60, check=False, cwd=folder,
                                      env={**os.environ, "PYTHONPATH": str(ROOT / "sdk" / "python")})
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_commands_that_are_not_run_exist(self) -> None:
        kw_help = subprocess.run([ROOT / "kw", "help"], capture_output=True, text=True, check=True).stdout
        for where, text in blocks("sh"):
            for line in re.sub(r"\\\n\s*", " ", text).splitlines():
                words = line.split("#")[0].split()
                while words and "=" in words[0]:
                    words.pop(0)
                if not words:
                    continue
                with self.subTest(f"{where}: {line}"):
                    if words[0] == "./kw":
                        self.assertIn(f"./kw {words[1]}", kw_help)
                    elif words[0].endswith("kilowatch"):
                        commands = []
                        for word in words[1:]:
                            if not re.fullmatch(r"[a-z]+", word):
                                break
                            commands.append(word)
                        done = subprocess.run([BINARY, *commands, "--help"], capture_output=True, text=True, check=False)
                        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                        for flag in re.findall(r"--[a-z][a-z.-]*", line):
                            self.assertIn(flag, done.stdout)

    def test_configurations_load(self) -> None:
        folder = self.enterContext(tempfile.TemporaryDirectory())
        for where, text in blocks("yaml"):
            check, file = ["config", "--syntax-only"], "/dev/stdin"
            if text.startswith("receivers:"):  # of alertmanager.yml, which also has a route
                check, file = ["alertmanager"], pathlib.Path(folder) / "alertmanager.yml"
                file.write_text(text + f"route: {{receiver: {re.search(r'- name: (.+)', text).group(1)}}}\n")
            with self.subTest(where):
                done = subprocess.run([BINARY, "check", *check, str(file)], input=text,
                                      capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Running(EndToEndTest):
    def setUp(self) -> None:
        super().setUp()
        self.server = self.serve((ROOT / "packaging" / "kilowatch.example.yml").read_text(encoding="utf-8"))
        wait_until(lambda: len(self.server.query("rate(process_cpu_seconds_total[5m])")) > 0,
                   "the example configuration gives rates", 90)

    def run_console(self, where: str, text: str) -> None:
        address = self.server.url.removeprefix("http://")
        command, wanted = None, []
        steps: list[tuple[str, list[str]]] = []
        for line in text.splitlines():
            if line.startswith("$ "):
                if command is not None:
                    steps.append((command, wanted))
                command, wanted = line[2:], []
            elif command is not None and command.endswith("\\"):
                command = command[:-1] + line.strip()
            elif line.strip():
                wanted.append(line)
        if command is not None:
            steps.append((command, wanted))
        bin_folder = self.folder / "bin"
        bin_folder.mkdir(exist_ok=True)
        link = bin_folder / "kilowatch"
        if not link.exists():
            link.symlink_to(BINARY)
        for command, wanted in steps:
            real = command.replace("localhost:9090", address).replace("build/release/kilowatch", "kilowatch")
            done = subprocess.run(["bash", "-c", real], cwd=self.server.folder, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
                                  env={**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}"})
            output = done.stdout.replace(address, "localhost:9090")
            position = 0
            for line in wanted:
                pattern = ".*".join(re.escape(part) for part in line.strip().split("..."))
                match = re.compile(pattern).search(output, position)
                self.assertTrue(match, f"{where}: after `{command}` wanted:\n{line}\nin:\n{output[:3000]}")
                position = match.end()

    def test_consoles_say_what_the_pages_show(self) -> None:
        for where, text in blocks("console"):
            with self.subTest(where):
                self.run_console(where, text)

    def test_expressions_are_answered(self) -> None:
        for where, text in blocks("promql"):
            for expression in expressions(text):
                with self.subTest(f"{where}: {expression}"):
                    self.server.get("/api/v1/query", query=expression)


if __name__ == "__main__":
    unittest.main(verbosity=2)
