"""Wraps a function of any kind so that a profiler knows when its code runs.

A plain function runs from its call to its return. A coroutine, a generator and an asynchronous generator run in
steps between which other code has the thread; only the steps belong to them. One wrapper for each kind keeps what
`inspect` says about the function, its return value and its exceptions exactly as they are.

A profiler gives `begin()`, which returns a Call, or None when this call is not to be profiled. For each step it is
told enter() and leave(), always in pairs and on the thread of the step, and finish() once at the end.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from typing import Any, Protocol, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


class Call(Protocol):
    """One call that is profiled. None of these may raise or wait."""

    def enter(self) -> None: ...
    def leave(self) -> None: ...
    def finish(self) -> None: ...


@types.coroutine
def _drive(inner: Any, call: Call) -> Generator[Any, Any, Any]:
    """Runs an awaitable's or a generator's steps, each between enter() and leave(); returns what it returns.
    What is sent or thrown in goes to `inner`, as with `yield from`."""
    sent: Any = None
    thrown: BaseException | None = None
    while True:
        call.enter()
        try:
            yielded = inner.send(sent) if thrown is None else inner.throw(thrown)
        except StopIteration as stop:
            return stop.value
        finally:
            thrown = None  # else the exception, its traceback and this frame keep each other alive
            call.leave()
        try:
            sent = yield yielded
        except GeneratorExit:
            call.enter()
            try:
                inner.close()
            finally:
                call.leave()
            raise
        except BaseException as error:
            thrown = error


# The code of wrappers, which a profile leaves out of its stacks.
wrapper_code: set[types.CodeType] = {cast(types.FunctionType, inspect.unwrap(_drive)).__code__}


def wrap(function: F, begin: Callable[[], Call | None]) -> F:
    """`function` with its steps announced. Errors: TypeError for what is not a function."""
    if isinstance(function, (staticmethod, classmethod, property)) or not callable(function):
        raise TypeError(f"{function!r} is no function; put the decorator below @staticmethod and the like")
    wrapper: Callable[..., Any]
    if inspect.isasyncgenfunction(function):
        wrapper = _wrap_async_generator(function, begin)
    elif inspect.iscoroutinefunction(function):
        wrapper = _wrap_coroutine(function, begin)
    elif inspect.isgeneratorfunction(function):
        wrapper = _wrap_generator(function, begin)
    else:
        wrapper = _wrap_plain(function, begin)
    wrapper_code.add(cast(types.FunctionType, wrapper).__code__)
    return cast(F, functools.wraps(function)(wrapper))


def _wrap_plain(function: Callable[..., Any], begin: Callable[[], Call | None]) -> Callable[..., Any]:
    def kilowatch_wrapper(*args: Any, **kwargs: Any) -> Any:
        call = begin()
        if call is None:
            return function(*args, **kwargs)
        call.enter()
        try:
            return function(*args, **kwargs)
        finally:
            call.leave()
            call.finish()

    return kilowatch_wrapper


def _wrap_coroutine(function: Callable[..., Coroutine[Any, Any, Any]],
                    begin: Callable[[], Call | None]) -> Callable[..., Any]:
    async def kilowatch_wrapper(*args: Any, **kwargs: Any) -> Any:
        call = begin()
        if call is None:
            return await function(*args, **kwargs)
        try:
            return await _drive(function(*args, **kwargs), call)
        finally:
            call.finish()

    return kilowatch_wrapper


def _wrap_generator(function: Callable[..., Generator[Any, Any, Any]],
                    begin: Callable[[], Call | None]) -> Callable[..., Any]:
    def kilowatch_wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        call = begin()
        if call is None:
            return (yield from function(*args, **kwargs))
        try:
            return (yield from _drive(function(*args, **kwargs), call))
        finally:
            call.finish()

    return kilowatch_wrapper


def _wrap_async_generator(function: Callable[..., AsyncGenerator[Any, Any]],
                          begin: Callable[[], Call | None]) -> Callable[..., Any]:
    async def kilowatch_wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        call = begin() or _Unprofiled()
        inner = function(*args, **kwargs)
        step = inner.asend(None)
        try:
            while True:
                try:
                    yielded = await _drive(step, call)
                except StopAsyncIteration:
                    return
                try:
                    sent = yield yielded
                except GeneratorExit:
                    await _drive(inner.aclose(), call)
                    raise
                except BaseException as error:
                    step = inner.athrow(error)
                else:
                    step = inner.asend(sent)
        finally:
            call.finish()

    return kilowatch_wrapper


class _Unprofiled:
    """A call that nobody profiles: an asynchronous generator has no `yield from` to fall back to."""

    def enter(self) -> None:
        pass

    def leave(self) -> None:
        pass

    def finish(self) -> None:
        pass
