"""The guide's two profiling snippets, verbatim, with nothing but the import before them."""

import unittest

import pprof_reader

import kilowatch

CPU = '''
from kilowatch import profile_cpu, profile_memory

@profile_cpu
def model_inference(data):
    # Implementation
    pass
'''

MEMORY = '''
from kilowatch import profile_cpu, profile_memory

@profile_memory
def batch_processing(data):
    # Implementation
    pass
'''


class Snippets(unittest.TestCase):
    # guide: G086, P35
    def test_profile_cpu(self) -> None:
        names: dict[str, object] = {}
        exec(compile(CPU, "guide.py", "exec"), names)
        for _ in range(100):
            self.assertIsNone(names["model_inference"]([1.0]))
        profile = kilowatch.profiles("cpu")[-1]
        self.assertEqual(profile.totals["calls"], 100)
        samples = pprof_reader.read(profile.pprof_gz)["samples"]
        functions = {function for stack, _, _ in samples for function, *_ in stack}
        self.assertIn("model_inference", functions)

    # guide: G088, P35
    def test_profile_memory(self) -> None:
        names: dict[str, object] = {}
        exec(compile(MEMORY, "guide.py", "exec"), names)
        self.assertIsNone(names["batch_processing"]([1.0]))
        profile = kilowatch.profiles("memory")[-1]
        self.assertLess(profile.totals["peak_bytes"], 64 << 10)  # the function allocates nothing


if __name__ == "__main__":
    unittest.main(verbosity=2)
