"""@profile_cpu: a sampling profiler that looks only at threads inside a decorated call.

    decorated call ──enter/leave──▶ who is inside ◀── sampler thread, 100 Hz ──▶ stacks and CPU time ──▶ Profile

How it samples, and why. A thread of its own wakes about every 10 ms (at random between half and one and a half
times that, so that it does not march in step with the work) and reads the stacks of the threads inside with
sys._current_frames(). The alternative, setitimer(ITIMER_PROF) with a handler of SIGPROF, was left out: Python runs
handlers in the main thread alone, where it would see no other thread's work; it breaks the host's system calls
with EINTR; and the one handler of the signal may be the host's. While no thread is inside, the sampler sleeps on a
condition and costs nothing.

A sample's weight is CPU time, not wall time: the clock of the sampled thread is read at each sample, and what it
used inside calls of the same decorated function (of the same versions) since the last sample goes to the stack
found now. A call that sleeps or waits has no weight. What is left when a window ends (calls too short to be met by
a sample) goes to the decorated function itself, so that the sum of a window is the CPU time of its calls.

Invariants
  1. The host's code never sees an exception of the profiler; failures are counted in `errors`.
  2. A window holds at most 10,000 distinct stacks of at most 128 frames; what is over is counted, its CPU time
     stays on the decorated function. Of frames over 128 those nearest the leaf go.
  3. A stack begins at the outermost decorated call of its thread; calls decorated within it are ordinary frames.
  4. The lock is held for one sample at most, never over I/O; a window's profile is built and encoded outside of
     it. It is reentrant, since a collection of garbage or a signal may run decorated code at any allocation.

Limits: samples are taken where CPython gives up the interpreter's lock, so time inside a C extension that holds it
shows on the line that called it; CPU time used by native threads of an extension (BLAS, XGBoost) is not that of
the calling thread and is not seen.
"""

from __future__ import annotations

import functools
import inspect
import random
import sys
import threading
import time
import types
from dataclasses import dataclass, field

from . import pprof, settings, stepping, trace
from .profiles import Profile, ProfileStore

STACKS_MAX = 10_000
FRAMES_MAX = 128
FRAMES_WALKED_MAX = 5_000  # a deeper stack is not sampled: some 0.2 us a frame, with the lock held
UNSAMPLED_MAX = 1_000
VERSION_TAGS = ("data_version", "environment", "model_version")  # few values each, and profiles are compared by them
IDLE_SECONDS = 0.5  # nobody inside for so long: the sampler stops waking up

_CPU = pprof.ValueType("cpu", "nanoseconds")
_SAMPLES = pprof.ValueType("samples", "count")

Labels = tuple[tuple[str, str], ...]
Stack = tuple[tuple[types.CodeType, int], ...]


@dataclass(frozen=True, eq=False)
class _Root:
    """The outermost decorated call of a thread: its function, and the trace and tags that it runs for."""

    code: types.CodeType
    labels: Labels

    def unsampled_key(self) -> tuple[types.CodeType, Labels]:
        """Whose time a sample may carry. A request's own tags are no part of it: most requests meet no sample."""
        return self.code, tuple(label for label in self.labels if label[0] in VERSION_TAGS)


@dataclass
class _Inside:
    """A thread that is inside a decorated call."""

    root: _Root
    clock_id: int  # of the thread's CPU time
    mark_ns: int  # its CPU time at the last sample or at the call's begin
    depth: int = 1


@dataclass
class _Window:
    """What was seen since the last profile. A stack is (code, line) from the root to the leaf."""

    started_ns: int
    started_monotonic: float
    stacks: dict[tuple[Labels, Stack], list[int]] = field(default_factory=dict)
    unsampled_ns: dict[tuple[types.CodeType, Labels], int] = field(default_factory=dict)
    calls: int = 0
    cpu_ns: int = 0
    stacks_dropped: int = 0


class CpuProfiler:
    """Samples the calls of decorated functions and keeps a profile of each window in `store`. Any thread."""

    def __init__(self, store: ProfileStore) -> None:
        self._store = store
        self.errors = 0
        self._random = random.Random()
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._lock = threading.RLock()
        self._inside: dict[int, _Inside] = {}  # by the thread's ident
        self._window = self._new_window()
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._sleeping = False
        self._stopped = False

    @staticmethod
    def _new_window() -> _Window:
        return _Window(time.time_ns(), time.monotonic())

    # What a decorated call does. ------------------------------------------------------------------------------

    def decorate(self, function: stepping.F) -> stepping.F:
        code = getattr(inspect.unwrap(function), "__code__", None)
        if not isinstance(code, types.CodeType):
            # A callable object or a built-in: its frames are not known, so calls are counted under a name alone.
            name = getattr(function, "__qualname__", type(function).__qualname__)
            code = (lambda: None).__code__.replace(co_name=name, co_qualname=name)

        return stepping.wrap(function, functools.partial(_CpuCall, self, code))

    def enter(self, code: types.CodeType, labels: Labels) -> None:
        ident = threading.get_ident()
        with self._lock:
            inside = self._inside.get(ident)
            if inside is not None:
                inside.depth += 1
                return
            # The clock's id is asked for by the thread itself, which lives; reading it later is safe even if not.
            self._inside[ident] = _Inside(_Root(code, labels), time.pthread_getcpuclockid(ident), time.thread_time_ns())
            window = self._window
            if not window.calls and not window.cpu_ns:  # a window begins with its first call
                window.started_ns, window.started_monotonic = time.time_ns(), time.monotonic()
            window.calls += 1
            if self._thread is None and not self._stopped:
                self._start_thread()
            elif self._sleeping:
                self._sleeping = False
                self._wake.set()

    def leave(self) -> None:
        ident = threading.get_ident()
        with self._lock:
            inside = self._inside.get(ident)
            if inside is None:
                return  # forked inside a decorated call: the child began afresh
            inside.depth -= 1
            if inside.depth == 0:
                del self._inside[ident]
                self._unsampled(inside, time.thread_time_ns())

    def _unsampled(self, inside: _Inside, now_ns: int) -> None:
        used = max(now_ns - inside.mark_ns, 0)
        inside.mark_ns = now_ns
        window = self._window
        window.cpu_ns += used
        key = inside.root.unsampled_key()
        if key not in window.unsampled_ns and len(window.unsampled_ns) >= UNSAMPLED_MAX:
            key = (inside.root.code, ())  # more versions than a window may have: the function keeps the time
        window.unsampled_ns[key] = window.unsampled_ns.get(key, 0) + used

    # The sampler. ---------------------------------------------------------------------------------------------

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._run, name="kilowatch-cpu-profiler", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no thread can be started: the next call tries again
            self.errors += 1
        else:
            self._thread = thread

    def _run(self) -> None:
        busy_until = time.monotonic() + IDLE_SECONDS
        while not self._stopped:
            now = settings.get()
            time.sleep(self._random.uniform(0.5, 1.5) / now.profile_hz)
            try:
                if self.sample():
                    busy_until = time.monotonic() + IDLE_SECONDS
                if time.monotonic() - self._window.started_monotonic >= now.profile_seconds:
                    self.flush()
            except Exception:  # one bad sample must not end the sampler
                self.errors += 1
            if time.monotonic() > busy_until:
                self._sleep(now.profile_seconds)
                busy_until = time.monotonic() + IDLE_SECONDS

    def _sleep(self, window_seconds: float) -> None:
        """Waits until a thread enters a decorated call; first until the window ends, to give out what is in it."""
        with self._lock:
            if self._inside or self._stopped:
                return
            self._wake.clear()
            self._sleeping = True
            window = self._window
            used = window.calls or window.cpu_ns
            left = window.started_monotonic + window_seconds - time.monotonic() if used else None
        if not self._wake.wait(None if left is None else max(left, 0)):
            self._sleeping = False
            self.flush()

    def sample(self) -> int:
        """Takes one sample of each thread inside; returns how many there were."""
        if not self._inside:
            return 0
        with self._lock:
            frames = sys._current_frames()
            for ident, inside in list(self._inside.items()):
                frame = frames.get(ident)
                if frame is None:
                    continue
                try:
                    now_ns = time.clock_gettime_ns(inside.clock_id)
                except OSError:  # the thread is gone
                    continue
                if now_ns <= inside.mark_ns:
                    continue  # it slept or waited
                self._unsampled(inside, now_ns)
                stack = self._stack_of(frame, inside.root.code)
                if stack:
                    self._count(inside.root, stack)
            return len(self._inside)

    @staticmethod
    def _stack_of(frame: types.FrameType | None, root: types.CodeType) -> Stack:
        """(code, line) from the outermost frame of `root` to the leaf; empty when `root` is not on the stack."""
        found: list[tuple[types.CodeType, int]] = []
        length = 0  # of `found` up to the outermost frame of root seen so far
        walked = 0
        while frame is not None:
            walked += 1
            if walked > FRAMES_WALKED_MAX:
                return ()
            code = frame.f_code
            if code not in stepping.wrapper_code:
                found.append((code, frame.f_lineno or 0))
                if code is root:
                    length = len(found)
            frame = frame.f_back
        return tuple(reversed(found[:length]))[:FRAMES_MAX]

    def _count(self, root: _Root, stack: Stack) -> None:
        window = self._window
        entry = window.stacks.get((root.labels, stack))
        if entry is None:
            if len(window.stacks) >= STACKS_MAX:
                window.stacks_dropped += 1
                return
            entry = window.stacks[(root.labels, stack)] = [0, 0]
        entry[0] += 1
        entry[1] += window.unsampled_ns.pop(root.unsampled_key(), 0)

    # Profiles. ------------------------------------------------------------------------------------------------

    def flush(self) -> Profile | None:
        """Ends the window and keeps its profile; None where nothing was called in it."""
        with self._lock:
            window, self._window = self._window, self._new_window()
        if not window.calls and not window.cpu_ns:
            return None
        profile = _profile_of(window, self._window.started_ns)
        self._store.keep(profile)
        return profile

    def stop(self) -> None:
        """Ends the sampler and gives out what it has. Calls go on without being sampled."""
        with self._lock:
            self._stopped = True
            self._wake.set()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(1.0)
        self.flush()

    def restart_after_fork(self) -> None:
        self._start_afresh()


class _CpuCall:
    """One call of a decorated function."""

    __slots__ = ("_profiler", "_code", "_entered")

    def __init__(self, profiler: CpuProfiler, code: types.CodeType) -> None:
        self._profiler = profiler
        self._code = code
        self._entered = False

    def enter(self) -> None:
        try:
            self._profiler.enter(self._code, labels_of_call())
            self._entered = True
        except Exception:
            self._profiler.errors += 1

    def leave(self) -> None:
        if not self._entered:
            return
        self._entered = False
        try:
            self._profiler.leave()
        except Exception:
            self._profiler.errors += 1

    def finish(self) -> None:
        pass


def labels_of_call() -> Labels:
    """The trace and the tags of the running code, as labels of its samples."""
    context = trace.current()
    tags = trace.tags()
    if context is None and not tags:
        return ()
    labels = {key: value[:200] for key, value in list(tags.items())[:16]}
    if context is not None:
        labels["trace_id"] = context.trace_id
    return tuple(sorted(labels.items()))


def frame_of(code: types.CodeType, line: int) -> pprof.Frame:
    return pprof.Frame(code.co_qualname, code.co_filename, code.co_firstlineno, line)


def _profile_of(window: _Window, end_ns: int) -> Profile:
    samples = [pprof.StackSample(tuple(frame_of(code, line) for code, line in stack), tuple(values), dict(labels))
               for (labels, stack), values in window.stacks.items()]
    for (code, labels), used in window.unsampled_ns.items():
        samples.append(pprof.StackSample((frame_of(code, code.co_firstlineno),), (0, used), dict(labels)))
    now = settings.get()
    return Profile(
        kind="cpu", labels=now.identity(), start_ns=window.started_ns,
        duration_ns=max(end_ns - window.started_ns, 0), types=(_SAMPLES, _CPU), samples=samples, period_type=_CPU,
        period=int(1e9 / now.profile_hz), sample_hz=round(now.profile_hz),
        totals={"calls": window.calls, "cpu_ns": window.cpu_ns, "stacks_dropped": window.stacks_dropped})
