"""A decorated function behaves as the bare one: values, exceptions, what inspect says, generators, tasks."""

import asyncio
import gc
import inspect
import unittest
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from kilowatch import profile_cpu, profile_memory
from kilowatch import stepping

BOTH: list[Callable[[Any], Any]] = [profile_cpu, profile_memory, profile_memory(duty=1),
                                    lambda f: profile_cpu(profile_memory(duty=1)(f))]


class Log:
    """A call that writes down what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def enter(self) -> None:
        self.said.append("enter")

    def leave(self) -> None:
        self.said.append("leave")

    def finish(self) -> None:
        self.said.append("finish")


class Behaviour(unittest.TestCase):
    # guide: G087
    def test_plain_functions_keep_value_exception_and_face(self) -> None:
        for decorate in BOTH:
            def scale(x: int, *, by: int = 2) -> int:
                """Scales."""
                return x // by

            wrapped = decorate(scale)
            self.assertEqual(wrapped(10, by=5), 2)
            with self.assertRaises(ZeroDivisionError):
                wrapped(1, by=0)
            self.assertEqual((wrapped.__name__, wrapped.__doc__, inspect.signature(wrapped)),
                             ("scale", "Scales.", inspect.signature(scale)))
            self.assertIs(inspect.unwrap(wrapped), scale)

    def test_the_exception_is_the_same_object(self) -> None:
        for decorate in BOTH:
            error = KeyError("zone")

            @decorate
            def fails() -> None:
                raise error

            with self.assertRaises(KeyError) as caught:
                fails()
            self.assertIs(caught.exception, error)
            self.assertIsNone(error.__context__)
            self.assertIsNone(error.__cause__)

    def test_recursive_functions(self) -> None:
        for decorate in BOTH:
            @decorate
            def depth(n: int) -> int:
                return 0 if n == 0 else 1 + depth(n - 1)

            self.assertEqual(depth(200), 200)

    def test_methods_and_what_lies_below_staticmethod(self) -> None:
        for decorate in BOTH:
            class Model:
                factor = 3

                @decorate
                def infer(self, x: int) -> int:
                    return self.factor * x

                @classmethod
                @decorate
                def name(cls) -> str:
                    return cls.__name__

                @staticmethod
                @decorate
                def one() -> int:
                    return 1

            self.assertEqual((Model().infer(2), Model.name(), Model.one()), (6, "Model", 1))
            with self.assertRaisesRegex(TypeError, "below @staticmethod"):
                profile_cpu(staticmethod(lambda: 1))

    # guide: G087
    def test_coroutines(self) -> None:
        for decorate in BOTH:
            @decorate
            async def fetch(x: int) -> int:
                await asyncio.sleep(0)
                if x < 0:
                    raise ValueError(x)
                return x + 1

            async def main() -> list[object]:
                return await asyncio.gather(fetch(1), fetch(2), fetch(-1), return_exceptions=True)

            self.assertTrue(inspect.iscoroutinefunction(fetch))
            got = asyncio.run(main())
            self.assertEqual(got[:2], [2, 3])
            self.assertIsInstance(got[2], ValueError)

    def test_a_cancelled_coroutine_cleans_up(self) -> None:
        for decorate in BOTH:
            said: list[str] = []

            @decorate
            async def waits() -> None:
                try:
                    await asyncio.sleep(3600)
                except asyncio.CancelledError:
                    said.append("cancelled")
                    raise

            async def main() -> None:
                task = asyncio.create_task(waits())
                await asyncio.sleep(0)
                task.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await task

            asyncio.run(main())
            self.assertEqual(said, ["cancelled"])

    def test_generators_take_what_is_sent_and_thrown(self) -> None:
        for decorate in BOTH:
            said: list[object] = []

            @decorate
            def echo(first: int) -> Iterator[Any]:
                try:
                    got = yield first
                    while got is not None:
                        try:
                            got = yield got * 2
                        except KeyError as error:
                            got = yield repr(error)
                finally:
                    said.append("closed")
                return "end"

            self.assertTrue(inspect.isgeneratorfunction(echo))
            running = echo(1)
            self.assertEqual([next(running), running.send(5), running.throw(KeyError("k")), running.send(7)],
                             [1, 10, "KeyError('k')", 14])
            with self.assertRaises(StopIteration) as stop:
                running.send(None)
            self.assertEqual((stop.exception.value, said), ("end", ["closed"]))
            early = echo(1)
            next(early)
            early.close()
            self.assertEqual(said, ["closed", "closed"])

    def test_asynchronous_generators(self) -> None:
        for decorate in BOTH:
            said: list[str] = []

            @decorate
            async def numbers(n: int) -> AsyncIterator[int]:
                try:
                    for i in range(n):
                        await asyncio.sleep(0)
                        got = yield i
                        if got:
                            yield got
                finally:
                    said.append("closed")

            async def main() -> None:
                self.assertEqual([i async for i in numbers(3)], [0, 1, 2])
                one = numbers(9)
                self.assertEqual(await one.asend(None), 0)
                self.assertEqual(await one.asend(77), 77)
                with self.assertRaises(LookupError):
                    await one.athrow(LookupError())
                two = numbers(9)
                await two.asend(None)
                await two.aclose()

            self.assertTrue(inspect.isasyncgenfunction(numbers))
            asyncio.run(main())
            self.assertEqual(said, ["closed"] * 3)

    def test_no_exception_is_kept_alive(self) -> None:
        class Marker(Exception):
            pass

        @profile_cpu
        def gen() -> Iterator[int]:
            try:
                yield 1
            except Marker:
                pass
            yield 2

        gc.disable()
        try:
            running, error = gen(), Marker()
            gone = weakref.ref(error)
            next(running)
            running.throw(error)
            del error
            self.assertIsNone(gone())
        finally:
            gc.enable()


class Steps(unittest.TestCase):
    def test_only_the_steps_are_announced(self) -> None:
        log = Log()

        def counted() -> Iterator[int]:
            yield 1
            yield 2

        running = stepping.wrap(counted, lambda: log)()
        self.assertEqual(log.said, [])
        next(running)
        self.assertEqual(log.said, ["enter", "leave"])
        self.assertEqual(list(running), [2])
        self.assertEqual(log.said, ["enter", "leave"] * 3 + ["finish"])

    def test_every_kind_pairs_them_also_when_it_raises(self) -> None:
        def plain() -> None:
            raise OSError

        async def coroutine() -> None:
            await asyncio.sleep(0)
            raise OSError

        def generator() -> Iterator[int]:
            yield 1
            raise OSError

        async def agen() -> AsyncIterator[int]:
            yield 1
            raise OSError

        async def drain(items: AsyncIterator[int]) -> None:
            async for _ in items:
                pass

        runs: list[Callable[[Log], object]] = [
            lambda log: stepping.wrap(plain, lambda: log)(),
            lambda log: asyncio.run(stepping.wrap(coroutine, lambda: log)()),
            lambda log: list(stepping.wrap(generator, lambda: log)()),
            lambda log: asyncio.run(drain(stepping.wrap(agen, lambda: log)()))]
        for index, run in enumerate(runs):
            with self.subTest(index):
                log = Log()
                with self.assertRaises(OSError):
                    run(log)
                self.assertEqual(log.said[-1], "finish")
                self.assertEqual(log.said[:-1], ["enter", "leave"] * (len(log.said) // 2))

    def test_a_call_that_is_not_profiled_runs_as_it_is(self) -> None:
        self.assertEqual(stepping.wrap(lambda x: x + 1, lambda: None)(1), 2)
        self.assertEqual(asyncio.run(stepping.wrap(asyncio.sleep, lambda: None)(0, "woke")), "woke")
        self.assertEqual(list(stepping.wrap(lambda: (yield 1), lambda: None)()), [1])


if __name__ == "__main__":
    unittest.main(verbosity=2)
