"""@profile_cpu: what is sampled, where its weight goes, what a profile carries, and that it stays bounded.

The tests take samples themselves, at known moments, where a count matters; the profiler's own thread is tested by
waiting for what it must show.
"""

import asyncio
import os
import threading
import time
import unittest
from collections.abc import Callable, Iterator

import pprof_reader

import kilowatch
from kilowatch import cpu_profiler, settings
from kilowatch.profiles import ProfileStore


def burn(seconds: float) -> int:
    """Uses CPU time of this thread."""
    end = time.thread_time() + seconds
    count = 0
    while time.thread_time() < end:
        count += 1
    return count


class WithProfiler(unittest.TestCase):
    """A profiler of the test's own. Its thread runs, at a rate of one sample a second: it all but stands still."""

    hz = 1.0

    def setUp(self) -> None:
        before = settings.get()
        self.addCleanup(settings.put, before)
        settings.put(settings.Settings(service="model", model_version="7", profile_hz=self.hz, profile_seconds=3600))
        self.store = ProfileStore()
        self.profiler = cpu_profiler.CpuProfiler(self.store)
        self.addCleanup(setattr, self.profiler, "_stopped", True)

    def profile(self) -> kilowatch.Profile:
        profile = self.profiler.flush()
        assert profile is not None
        return profile


class Sampling(WithProfiler):
    # guide: G014, G086
    def test_stacks_begin_at_the_decorated_function_and_carry_its_cpu_time(self) -> None:
        def inner() -> None:
            burn(0.02)
            self.profiler.sample()

        @self.profiler.decorate
        def model_inference() -> None:
            inner()

        model_inference()
        profile = self.profile()
        name = "Sampling.test_stacks_begin_at_the_decorated_function_and_carry_its_cpu_time.<locals>."
        folded = profile.folded()
        stack = f"{name}model_inference;{name}inner;CpuProfiler.sample"
        self.assertIn(stack, folded)
        self.assertGreaterEqual(folded[stack], 0.02e9)
        self.assertEqual(sum(folded.values()), profile.totals["cpu_ns"])
        self.assertEqual(profile.folded("samples")[stack], 1)
        self.assertEqual(profile.totals["calls"], 1)

    def test_waiting_weighs_nothing(self) -> None:
        sampled, go_on = threading.Event(), threading.Event()

        @self.profiler.decorate
        def waits() -> None:
            sampled.set()
            go_on.wait(10)

        thread = threading.Thread(target=waits)
        thread.start()
        self.assertTrue(sampled.wait(10))
        deadline = time.monotonic() + 0.05
        while time.monotonic() < deadline:
            self.profiler.sample()
        go_on.set()
        thread.join()
        self.assertLess(self.profile().totals["cpu_ns"], 0.02e9)

    def test_other_threads_are_not_sampled(self) -> None:
        stop = threading.Event()

        def bystander() -> None:
            while not stop.is_set():
                burn(0.001)

        thread = threading.Thread(target=bystander)
        thread.start()

        @self.profiler.decorate
        def work() -> None:
            burn(0.01)
            self.profiler.sample()

        work()
        stop.set()
        thread.join()
        self.assertFalse([stack for stack in self.profile().folded() if "bystander" in stack])

    def test_calls_too_short_for_a_sample_still_count(self) -> None:
        @self.profiler.decorate
        def short() -> None:
            burn(0.0002)

        for _ in range(20):
            short()
        profile = self.profile()
        self.assertEqual(profile.totals["calls"], 20)
        self.assertEqual(len(profile.samples), 1)
        self.assertGreaterEqual(sum(profile.folded().values()), 20 * 0.0002e9)

    def test_time_between_samples_goes_to_the_stack_found(self) -> None:
        def deep() -> None:
            self.profiler.sample()

        @self.profiler.decorate
        def work(sampled: bool) -> None:
            burn(0.002)
            if sampled:
                deep()

        for i in range(10):
            work(sampled=i == 9)
        folded = self.profile().folded()
        self.assertGreaterEqual(sum(ns for stack, ns in folded.items() if "deep" in stack), 10 * 0.002e9)

    def test_nested_and_recursive_calls_are_one(self) -> None:
        @self.profiler.decorate
        def inner(n: int) -> None:
            if n:
                inner(n - 1)
            else:
                burn(0.005)
                self.profiler.sample()

        @self.profiler.decorate
        def outer() -> None:
            inner(3)

        outer()
        profile = self.profile()
        self.assertEqual(profile.totals["calls"], 1)
        deepest = max(profile.folded(), key=lambda stack: stack.count(";"))
        self.assertEqual([name.rpartition(".")[2] for name in deepest.split(";")],
                         ["outer", "inner", "inner", "inner", "inner", "sample"])

    def test_only_the_steps_of_a_coroutine_count(self) -> None:
        @self.profiler.decorate
        async def model_inference() -> None:
            await asyncio.sleep(0)
            burn(0.005)
            self.profiler.sample()

        async def other() -> None:
            burn(0.05)
            self.profiler.sample()

        async def main() -> None:
            await asyncio.gather(model_inference(), other(), model_inference())

        asyncio.run(main())
        profile = self.profile()
        self.assertFalse([stack for stack in profile.folded() if "other" in stack])
        self.assertTrue([stack for stack in profile.folded() if stack.endswith("model_inference;CpuProfiler.sample")])
        self.assertLess(profile.totals["cpu_ns"], 0.04e9)

    def test_generators(self) -> None:
        @self.profiler.decorate
        def batches() -> Iterator[int]:
            for i in range(3):
                burn(0.002)
                self.profiler.sample()
                yield i

        for _ in batches():
            burn(0.02)
        profile = self.profile()
        self.assertGreaterEqual(profile.totals["cpu_ns"], 0.006e9)
        self.assertLess(profile.totals["cpu_ns"], 0.04e9)

    def test_an_exception_ends_the_call(self) -> None:
        @self.profiler.decorate
        def fails() -> None:
            raise OSError

        for _ in range(3):
            with self.assertRaises(OSError):
                fails()
        self.assertEqual(self.profiler._inside, {})
        self.assertEqual(self.profile().totals["calls"], 3)


class Context(WithProfiler):
    # guide: G089
    def test_a_profile_carries_service_version_and_trace(self) -> None:
        @self.profiler.decorate
        def infer() -> None:
            burn(0.003)
            self.profiler.sample()

        with kilowatch.bind(model_version="8", request_id="r-1"), kilowatch.span("request") as span:
            infer()
        infer()
        self.profile()
        got = pprof_reader.read(self.store.recent("cpu")[0].pprof_gz)
        labels = [labels for _, values, labels in got["samples"] if values[0]]
        self.assertEqual(len(labels), 2)
        self.assertIn({"model_version": "8", "request_id": "r-1", "trace_id": span.context.trace_id}, labels)
        self.assertIn({}, labels)
        self.assertIn("service=model", got["comments"])
        self.assertIn("model_version=7", got["comments"])
        self.assertEqual(got["types"], [("samples", "count"), ("cpu", "nanoseconds")])

    # guide: G089
    def test_versions_can_be_told_apart(self) -> None:
        @self.profiler.decorate
        def infer(seconds: float) -> None:
            burn(seconds)

        for version, seconds in (("7", 0.002), ("8", 0.01)):
            with kilowatch.bind(model_version=version):
                infer(seconds)
        by_version = {sample.labels["model_version"]: sample.values[1] for sample in self.profile().samples}
        self.assertEqual(by_version.keys(), {"7", "8"})
        self.assertGreater(by_version["8"], by_version["7"])


class Bounds(WithProfiler):
    def test_stacks_and_depth_are_bounded(self) -> None:
        @self.profiler.decorate
        def deep(n: int) -> None:
            if n:
                deep(n - 1)
            else:
                burn(0.003)
                self.profiler.sample()

        deep(300)
        self.assertEqual(max(len(sample.stack) for sample in self.profile().samples), cpu_profiler.FRAMES_MAX)

    def test_more_traces_than_a_window_may_have_are_counted(self) -> None:
        before = cpu_profiler.STACKS_MAX
        self.addCleanup(setattr, cpu_profiler, "STACKS_MAX", before)
        cpu_profiler.STACKS_MAX = 5

        @self.profiler.decorate
        def work() -> None:
            burn(0.0005)
            self.profiler.sample()

        for _ in range(20):
            with kilowatch.span("request"):
                work()
        profile = self.profile()
        self.assertEqual(profile.totals["stacks_dropped"], 15)
        self.assertLessEqual(len(profile.samples), 6)
        self.assertEqual(sum(profile.folded().values()), profile.totals["cpu_ns"])

    def test_a_failing_profiler_stays_out_of_the_way(self) -> None:
        def broken(*_: object) -> None:
            raise RuntimeError("broken")

        self.profiler.enter = broken  # type: ignore[method-assign]
        self.assertEqual(self.profiler.decorate(lambda: "value")(), "value")
        self.assertEqual(self.profiler.errors, 1)

    def test_the_last_profiles_are_kept_and_no_more(self) -> None:
        work = self.profiler.decorate(lambda: None)
        for _ in range(40):
            work()
            self.profiler.flush()
        self.assertEqual(len(self.store.recent("cpu")), 32)


class OwnThread(WithProfiler):
    hz = 500.0

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.002)

    # guide: G086
    def test_the_guides_example_shows_up_by_itself(self) -> None:
        @self.profiler.decorate
        def model_inference(data: int) -> int:
            return burn(0.02) + data

        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            model_inference(1)
            if any(values[0] for (_, stack), values in list(self.profiler._window.stacks.items()) if len(stack) > 1):
                break
        self.assertTrue([s for s in self.profile().folded() if "model_inference;burn" in s])

    def test_it_sleeps_when_nobody_is_inside_and_wakes_again(self) -> None:
        work = self.profiler.decorate(lambda: burn(0.002))
        work()
        self.until(lambda: self.profiler._sleeping)
        self.profiler.flush()
        self.until(lambda: work() and self.profiler._window.stacks)

    def test_a_window_ends_by_itself(self) -> None:
        settings.put(settings.Settings(profile_hz=500, profile_seconds=0.1))
        self.profiler.decorate(lambda: burn(0.002))()
        self.until(lambda: self.store.recent("cpu"))

    @unittest.skipUnless(hasattr(os, "fork"), "no fork here")
    def test_a_forked_child_profiles_too(self) -> None:
        @kilowatch.profile_cpu
        def work() -> None:
            burn(0.001)

        work()
        child = os.fork()
        if child == 0:
            try:
                work()
                ok = kilowatch.profiles("cpu")[-1].totals["calls"] == 1 and kilowatch._cpu._thread is not None
            except BaseException:
                ok = False
            os._exit(0 if ok else 1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
