"""@profile_memory: exact totals, the two views by stack, which calls are profiled, and that tracing ends."""

import asyncio
import time
import tracemalloc
import unittest
from collections.abc import Iterator

import pprof_reader

import kilowatch
from kilowatch import memory_profiler
from kilowatch.profiles import ProfileStore

MIB = 1 << 20


def allocate(size: int) -> bytes:
    return bytes(size)


class WithProfiler(unittest.TestCase):
    def setUp(self) -> None:
        self.store = ProfileStore()
        self.profiler = memory_profiler.MemoryProfiler(self.store)
        self.assertFalse(tracemalloc.is_tracing())

    def profiles(self) -> list[kilowatch.Profile]:
        self.assertTrue(self.profiler.flush(30))
        return self.store.recent("memory")


class Calls(WithProfiler):
    # guide: G014, G088
    def test_peak_and_allocated_bytes_by_stack(self) -> None:
        def batch_processing(data: int) -> list[bytes]:
            temporary = allocate(8 * MIB)
            deadline = time.monotonic() + 20
            # What the watcher saw is what this test is about: wait for it, not for a time.
            while self.profiler._active[0].view is None and time.monotonic() < deadline:
                time.sleep(0.001)
            del temporary
            return [allocate(1000) for _ in range(data)]

        kept = self.profiler.decorate(batch_processing, duty=1)(100)
        self.assertEqual(len(kept), 100)
        (profile,) = self.profiles()
        self.assertAlmostEqual(profile.totals["peak_bytes"], 8 * MIB, delta=MIB / 4)
        self.assertAlmostEqual(profile.totals["allocated_bytes"], 100 * 1033, delta=64 << 10)
        self.assertAlmostEqual(profile.totals["peak_view_bytes"], 8 * MIB, delta=MIB / 4)
        name = batch_processing.__qualname__
        self.assertGreaterEqual(profile.folded("peak_space")[f"{name};allocate"], 8 * MIB)
        at_return = {stack: size for stack, size in profile.folded("inuse_space").items() if size}
        self.assertTrue(all(stack.startswith(name) for stack in at_return), at_return)
        self.assertGreaterEqual(sum(size for stack, size in at_return.items() if stack.endswith(";allocate")), 100_000)
        self.assertGreaterEqual(sum(n for stack, n in profile.folded("inuse_objects").items()), 100)
        read = pprof_reader.read(profile.pprof_gz)
        self.assertEqual(read["types"], [("peak_objects", "count"), ("peak_space", "bytes"),
                                         ("inuse_objects", "count"), ("inuse_space", "bytes")])
        lines = {line for stack, values, _ in read["samples"] if values[1] >= 8 * MIB for _, _, line in stack[-1:]}
        self.assertEqual(lines, {allocate.__code__.co_firstlineno + 1})

    def test_a_call_that_only_grows_is_highest_at_its_end(self) -> None:
        kept = self.profiler.decorate(lambda: allocate(5 * MIB), duty=1)()
        self.assertEqual(len(kept), 5 * MIB)
        (profile,) = self.profiles()
        self.assertEqual(profile.folded("peak_space"), profile.folded("inuse_space"))
        self.assertGreaterEqual(max(profile.folded("peak_space").values()), 5 * MIB)

    def test_memory_of_before_and_of_others_is_not_the_calls(self) -> None:
        tracemalloc.start(memory_profiler.FRAMES)
        self.addCleanup(tracemalloc.stop)
        before = allocate(3 * MIB)
        work = self.profiler.decorate(lambda: allocate(MIB), duty=1)
        first = work()
        second = work()
        sums = [sum(profile.folded().values()) for profile in self.profiles()]
        self.assertEqual(len(before) + len(first) + len(second), 5 * MIB)
        for total in sums:
            self.assertAlmostEqual(total, MIB, delta=4096)
        self.assertTrue(tracemalloc.is_tracing())  # it was on before: it stays on

    def test_a_call_that_frees_has_a_negative_total(self) -> None:
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        held = [allocate(2 * MIB)]
        self.profiler.decorate(lambda: held.clear(), duty=1)()
        self.assertLess(self.profiles()[0].totals["allocated_bytes"], -MIB)

    def test_nested_calls_have_their_own_peaks(self) -> None:
        inner = self.profiler.decorate(lambda: len(allocate(4 * MIB)), duty=1)

        def outer_body() -> None:
            first = allocate(2 * MIB)
            inner()
            del first
            inner_again = allocate(MIB)
            del inner_again

        self.profiler.decorate(outer_body, duty=1)()
        small, large = self.profiles()
        self.assertAlmostEqual(small.totals["peak_bytes"], 4 * MIB, delta=MIB / 4)
        self.assertAlmostEqual(large.totals["peak_bytes"], 6 * MIB, delta=MIB / 4)

    def test_coroutines_and_generators(self) -> None:
        async def fetch() -> bytes:
            await asyncio.sleep(0)
            return allocate(MIB)

        def rows() -> Iterator[bytes]:
            yield allocate(MIB)
            yield allocate(MIB)

        kept = asyncio.run(self.profiler.decorate(fetch, duty=1)())
        generated = list(self.profiler.decorate(rows, duty=1)())
        self.assertEqual(len(kept) + sum(map(len, generated)), 3 * MIB)
        one, two = self.profiles()
        self.assertGreaterEqual(one.folded()[f"{fetch.__qualname__};allocate"], MIB)
        self.assertGreaterEqual(two.folded()[f"{rows.__qualname__};allocate"], 2 * MIB)

    def test_an_exception_ends_the_call_and_the_tracing(self) -> None:
        def fails() -> None:
            raise OSError

        with self.assertRaises(OSError):
            self.profiler.decorate(fails, duty=1)()
        self.assertFalse(tracemalloc.is_tracing())
        self.assertEqual(len(self.profiles()), 1)

    # guide: G089
    def test_a_profile_carries_the_trace(self) -> None:
        with kilowatch.bind(model_version="8"), kilowatch.span("batch") as span:
            kept = self.profiler.decorate(lambda: allocate(MIB), duty=1)()
        self.assertEqual(len(kept), MIB)
        largest = max(self.profiles()[0].samples, key=lambda sample: sample.values[1])
        self.assertEqual(largest.labels, {"model_version": "8", "trace_id": span.context.trace_id})


class Which(WithProfiler):
    # guide: G087
    def test_a_duty_holds_tracing_to_its_share_of_the_time(self) -> None:
        def work() -> bool:
            time.sleep(0.01)
            return tracemalloc.is_tracing()

        decorated = self.profiler.decorate(work, duty=0.001)
        self.assertTrue(decorated())
        # After 10 ms of tracing the next 9.99 s are free of it, and this call is within them.
        self.assertFalse(decorated())
        every = self.profiler.decorate(work, duty=1)
        self.assertEqual([every(), every()], [True, True])

    def test_a_recursive_function_is_profiled_once(self) -> None:
        def depth(n: int) -> int:
            return decorated(n - 1) if n else 0

        decorated = self.profiler.decorate(depth, duty=1)
        decorated(20)
        self.assertEqual(len(self.profiles()), 1)

    def test_a_generator_that_is_held_is_not_traced_for_ever(self) -> None:
        before = memory_profiler.CALL_SECONDS_MAX
        self.addCleanup(setattr, memory_profiler, "CALL_SECONDS_MAX", before)
        memory_profiler.CALL_SECONDS_MAX = 0.02
        held = self.profiler.decorate(lambda: (yield 1), duty=1)()
        next(held)
        deadline = time.monotonic() + 20
        while tracemalloc.is_tracing():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.002)
        held.close()
        self.assertEqual(len(self.profiles()), 1)

    def test_a_host_that_stops_tracing_loses_the_profile_and_nothing_else(self) -> None:
        def stops() -> str:
            tracemalloc.stop()
            return "value"

        self.assertEqual(self.profiler.decorate(stops, duty=1)(), "value")
        self.assertEqual((self.profiles(), self.profiler.dropped), ([], 1))

    def test_what_waits_for_the_worker_is_bounded(self) -> None:
        self.profiler._waiting = memory_profiler.WAITING_MAX
        self.profiler.decorate(lambda: None, duty=1)()
        self.assertEqual(self.profiler.dropped, 1)
        self.assertEqual(self.profiler._done.qsize(), 0)

    def test_bad_arguments(self) -> None:
        for duty in (0, -1, 1.1):
            with self.assertRaises(ValueError):
                self.profiler.decorate(lambda: None, duty=duty)
        with self.assertRaisesRegex(TypeError, "not written in Python"):
            self.profiler.decorate(len, duty=1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
