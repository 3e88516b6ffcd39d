"""The pprof encoder, read back by a decoder of its own."""

import gzip
import unittest

import pprof_reader

from kilowatch import pprof

CPU = pprof.ValueType("cpu", "nanoseconds")
COUNT = pprof.ValueType("samples", "count")
MAIN = pprof.Frame("main", "/srv/app.py", 1, 4)
MAIN_LATER = pprof.Frame("main", "/srv/app.py", 1, 9)
WORK = pprof.Frame("Model.infer.<locals>.step", "/srv/modèle.py", 10, 300)


def encoded(*samples: pprof.StackSample, **more: object) -> bytes:
    arguments = {"time_ns": 1_700_000_000_000_000_000, "duration_ns": 10**10, "period_type": CPU, "period": 10**7}
    return pprof.encode((COUNT, CPU), samples, **{**arguments, **more})


class Encode(unittest.TestCase):
    def test_round_trip(self) -> None:
        got = pprof_reader.read(encoded(
            pprof.StackSample((MAIN, WORK), (3, 30_000_000), {"trace_id": "ab", "model_version": "7"}),
            pprof.StackSample((MAIN_LATER,), (0, -1)),
            pprof.StackSample((MAIN, WORK), (1, 2**63 - 1)), comments=["service=model"]))
        main, later, work = ("main", "/srv/app.py", 4), ("main", "/srv/app.py", 9), (
            "Model.infer.<locals>.step", "/srv/modèle.py", 300)
        self.assertEqual(got, {
            "types": [("samples", "count"), ("cpu", "nanoseconds")],
            "samples": [((main, work), (3, 30_000_000), {"trace_id": "ab", "model_version": "7"}),
                        ((later,), (0, -1), {}), ((main, work), (1, 2**63 - 1), {})],
            "time_ns": 1_700_000_000_000_000_000, "duration_ns": 10**10, "period_type": ("cpu", "nanoseconds"),
            "period": 10**7, "comments": ["service=model"]})

    def test_golden_bytes(self) -> None:
        # Written out by hand from profile.proto: one sample type, one sample, location, function, four strings.
        tiny = pprof.encode((pprof.ValueType("a", "b"),), [pprof.StackSample((pprof.Frame("f", "", 0, 300),), (5,))],
                            time_ns=0, duration_ns=0, period_type=pprof.ValueType("a", "b"), period=1)
        self.assertEqual(gzip.decompress(tiny).hex(" "), " ".join((
            "0a 04 08 01 10 02",  # 1 sample_type {1: 1, 2: 2}
            "12 06 0a 01 01 12 01 05",  # 2 sample {location_id [1], value [5]}
            "22 09 08 01 22 05 08 01 10 ac 02",  # 4 location {1: 1, 4: {1: 1, 2: 300}}
            "2a 06 08 01 10 03 18 03",  # 5 function {1: 1, 2: 3, 3: 3}
            "32 00 32 01 61 32 01 62 32 01 66",  # 6 strings "", a, b, f
            "5a 04 08 01 10 02 60 01")))  # 11 period_type, 12 period

    def test_the_same_profile_gives_the_same_bytes(self) -> None:
        sample = pprof.StackSample((MAIN,), (1, 1), {"b": "2", "a": "1"})
        self.assertEqual(encoded(sample), encoded(pprof.StackSample((MAIN,), (1, 1), {"a": "1", "b": "2"})))

    def test_an_empty_profile_is_one_too(self) -> None:
        self.assertEqual(pprof_reader.read(encoded())["samples"], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
