"""The package is typed: Debian's mypy finds nothing in it, in its strict mode."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

PACKAGE = pathlib.Path(__file__).resolve().parents[1] / "kilowatch"


class Types(unittest.TestCase):
    def test_mypy_strict(self) -> None:
        if subprocess.run([sys.executable, "-c", "import mypy"], capture_output=True, check=False).returncode:
            self.skipTest(f"{sys.executable} has no mypy; ./kw test installs Debian's")
        with tempfile.TemporaryDirectory() as cache:
            done = subprocess.run([sys.executable, "-m", "mypy", "--strict", f"--cache-dir={cache}", PACKAGE],
                                  capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertTrue((PACKAGE / "py.typed").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
