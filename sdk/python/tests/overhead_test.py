"""A function under @profile_cpu at the default rate takes at most 5 % more CPU time, the sampler's own included."""

import gc
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "bench"))

import overhead  # noqa: E402

MOST = 0.05
ATTEMPTS = 6


class Overhead(unittest.TestCase):
    # guide: G087
    def test_a_decorated_function_is_at_most_5_percent_slower(self) -> None:
        """CPU time, calls in turns, medians: what else runs on the machine adds to a figure and takes nothing from
        it, so the least of a few attempts is the nearest to the truth."""
        seen = []
        gc.disable()
        self.addCleanup(gc.enable)
        for _ in range(ATTEMPTS):
            seen.append(overhead.compared(time.process_time, rounds=100)[1])
            if seen[-1] <= MOST:
                return
        self.fail(f"slower by {[f'{figure:.1%}' for figure in seen]}, want at most {MOST:.0%}")


if __name__ == "__main__":
    unittest.main()
