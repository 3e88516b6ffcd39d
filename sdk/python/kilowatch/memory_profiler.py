"""@profile_memory: what a decorated call allocates, by stack, and how high it goes, with tracemalloc.

    begin ─▶ tracemalloc on ─▶ the call ─▶ snapshot at its end ─▶ worker: stacks, names, Profile
                                  └─ watcher thread: a snapshot near each new height

A profile has two views of the call's own stacks: what was alive near its highest point (peak_*) and what is alive
when it returns (inuse_*). The totals are exact: `peak_bytes` is the highest traced memory above that at the begin,
`allocated_bytes` what the call leaves behind (negative when it frees more). tracemalloc keeps no history, so the
view near the peak comes from a watcher that takes a snapshot whenever the traced memory stands a quarter above the
last one; `peak_view_bytes` says how much of the peak it shows.

Tracing makes allocation two to four times slower, so not every call is profiled: after one that took t, the next
is profiled when t · (1/duty - 1) has passed, which at the default duty of 5 % holds the mean cost below 5 %.
`@profile_memory(duty=1)` profiles every call.

Invariants
  1. The host's code never sees an exception of the profiler; failures are counted in `errors`.
  2. One call of a function is profiled at a time: a recursive or concurrent one runs untraced by us.
  3. tracemalloc is stopped after the last profiled call if and only if we started it.
  4. At most 4 profiles wait for the worker, each with at most 2 snapshots; one more is dropped and counted.

Limits: tracemalloc is the process', so totals of calls that overlap in time include each other's memory, while the
views hold only stacks that pass through the decorated function. Stacks are of 32 frames: one that is deeper and
has lost its root is shown below the function as its own. Memory that extensions take from the system's malloc
(NumPy before 1.22, XGBoost) is not traced. A snapshot holds the interpreter while it copies: some 1 ms for a
thousand live allocations; one that took over 50 ms is the last of its call before its end.
"""

from __future__ import annotations

import ast
import functools
import inspect
import queue
import threading
import time
import tracemalloc
import types
from collections.abc import Callable
from dataclasses import dataclass

from . import pprof, settings, stepping
from .cpu_profiler import Labels, labels_of_call
from .profiles import Profile, ProfileStore

FRAMES = 32
STACKS_MAX = 10_000
WAITING_MAX = 4
WATCH_SECONDS = 0.01
GROWTH = 1.25  # a new snapshot near the peak for each quarter more: their costs add up to five times the last one's
VIEW_BYTES_MIN = 64 << 10
SNAPSHOT_SECONDS_MAX = 0.05
SOURCE_BYTES_MAX = 4 << 20

CALL_SECONDS_MAX = 600.0  # then tracing ends and the profile is of what was seen: a generator may be held for ever

_TYPES = tuple(pprof.ValueType(name, unit) for name, unit in (
    ("peak_objects", "count"), ("peak_space", "bytes"), ("inuse_objects", "count"), ("inuse_space", "bytes")))

# A stack as tracemalloc has it, oldest first, and whether it was cut: what allocations are grouped by.
Lines = tuple[tuple[str, int], ...]


class _Gate:
    """One decorated function: decides which of its calls are profiled."""

    def __init__(self, code: types.CodeType, duty: float) -> None:
        self.code = code
        self.duty = duty
        self.busy = False
        self.open_at = 0.0  # on the monotonic clock


@dataclass
class _Traced:
    """A profiled call, while it runs and afterwards, for the worker."""

    gate: _Gate
    labels: Labels
    started_ns: int
    started_monotonic: float
    base_bytes: int  # traced when it began
    before: tracemalloc.Snapshot | None  # what older code left traced, where tracing was on already
    peak_bytes: int = 0  # traced at the highest point, base included
    view: tracemalloc.Snapshot | None = None
    view_bytes: int = 0  # above the base, when `view` was taken
    watched: bool = True
    ended: bool = False
    duration_ns: int = 0
    end_bytes: int = 0
    end: tracemalloc.Snapshot | None = None


class MemoryProfiler:
    """Profiles calls of decorated functions, a profile each, into `store`. Any thread."""

    def __init__(self, store: ProfileStore) -> None:
        self._store = store
        self.errors = 0
        self.dropped = 0
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._lock = threading.RLock()  # reentrant: see cpu_profiler.py
        self._active: list[_Traced] = []
        self._started_tracing = False
        self._watcher: threading.Thread | None = None
        self._worker: threading.Thread | None = None
        self._done: queue.SimpleQueue[_Traced] = queue.SimpleQueue()
        self._waiting = 0  # in `_done` or in the worker's hands

    def decorate(self, function: stepping.F, duty: float) -> stepping.F:
        if not 0 < duty <= 1:
            raise ValueError(f"duty is {duty}; want more than 0 and at most 1")
        code = getattr(inspect.unwrap(function), "__code__", None)
        if code is None:
            raise TypeError(f"{function!r} is not written in Python: its allocations have no line")
        gate = _Gate(code, duty)
        return stepping.wrap(function, lambda: self._begin(gate))

    # The call. ------------------------------------------------------------------------------------------------

    def _begin(self, gate: _Gate) -> stepping.Call | None:
        now = time.monotonic()
        if gate.busy or now < gate.open_at:  # the usual case: no lock, some 160 ns
            return None
        with self._lock:
            try:
                if gate.busy:
                    return None
                before = None
                if not tracemalloc.is_tracing():
                    tracemalloc.start(FRAMES)
                    self._started_tracing = True
                elif tracemalloc.get_traced_memory()[0]:
                    before = tracemalloc.take_snapshot()
                self._note_peak()
                base = tracemalloc.get_traced_memory()[0]
                call = _Traced(gate, labels_of_call(), time.time_ns(), now, base, before, peak_bytes=base)
                gate.busy = True
                self._active.append(call)
                if self._watcher is None:
                    self._watcher = _start(self._watch, "kilowatch-memory-watch")
                return _MemoryCall(self, call)
            except Exception:
                self.errors += 1
                self._active = [other for other in self._active if other.gate is not gate]
                gate.busy = False
                self._stop_tracing_if_last()
                return None

    def end(self, call: _Traced) -> None:
        """Ends a call's tracing and hands it to the worker. Once; later calls do nothing."""
        with self._lock:
            if call.ended or call not in self._active:
                return
            call.ended = True
            self._active.remove(call)
            try:
                if tracemalloc.is_tracing():  # the host may have stopped it
                    self._note_peak(call)
                    call.end_bytes = tracemalloc.get_traced_memory()[0]
                    call.end = tracemalloc.take_snapshot()
            finally:
                self._stop_tracing_if_last()
                took = time.monotonic() - call.started_monotonic
                call.duration_ns = int(took * 1e9)
                call.gate.open_at = time.monotonic() + took * (1 / call.gate.duty - 1)
                call.gate.busy = False
            if call.end is None or self._waiting >= WAITING_MAX:
                self.dropped += 1
                return
            self._waiting += 1
            self._done.put(call)
            if self._worker is None:
                self._worker = _start(self._work, "kilowatch-memory-profiler")

    def _stop_tracing_if_last(self) -> None:
        if self._started_tracing and not self._active:
            self._started_tracing = False
            tracemalloc.stop()

    def _note_peak(self, ending: _Traced | None = None) -> None:
        """Gives the highest point since the last note to all calls that were running."""
        peak = tracemalloc.get_traced_memory()[1]
        for call in (*self._active, *([ending] if ending else [])):
            call.peak_bytes = max(call.peak_bytes, peak)
        tracemalloc.reset_peak()

    # The watcher. ---------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        while True:
            time.sleep(WATCH_SECONDS)
            with self._lock:
                if not self._active:
                    self._watcher = None
                    return
                try:
                    self._look()
                except Exception:
                    self.errors += 1

    def _look(self) -> None:
        now = time.monotonic()
        for call in list(self._active):
            if now - call.started_monotonic > CALL_SECONDS_MAX:
                self.end(call)
        traced = tracemalloc.get_traced_memory()[0]
        wanting = [call for call in self._active
                   if call.watched and traced - call.base_bytes > max(GROWTH * call.view_bytes, VIEW_BYTES_MIN)]
        if not wanting:
            return
        started = time.monotonic()
        snapshot = tracemalloc.take_snapshot()
        slow = time.monotonic() - started > SNAPSHOT_SECONDS_MAX
        for call in wanting:
            call.view, call.view_bytes = snapshot, traced - call.base_bytes
            call.watched = not slow

    # The worker. ----------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            call = self._done.get()
            started = time.monotonic()
            try:
                self._store.keep(_profile_of(call))
            except Exception:
                self.errors += 1
            call.gate.open_at += (time.monotonic() - started) * (1 / call.gate.duty - 1)
            del call
            with self._lock:
                self._waiting -= 1

    def flush(self, timeout_seconds: float) -> bool:
        """Waits until the profiles of calls that have ended are kept. False: the time was up."""
        deadline = time.monotonic() + timeout_seconds
        while self._waiting:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True

    def restart_after_fork(self) -> None:
        stop = self._started_tracing
        for call in self._active:
            call.gate.busy = False
        self._start_afresh()
        if stop:
            tracemalloc.stop()


class _MemoryCall:
    """One profiled call, as stepping.py wants it: steps do not matter, its end does."""

    __slots__ = ("_profiler", "_call")

    def __init__(self, profiler: MemoryProfiler, call: _Traced) -> None:
        self._profiler = profiler
        self._call = call

    def enter(self) -> None:
        pass

    def leave(self) -> None:
        pass

    def finish(self) -> None:
        try:
            self._profiler.end(self._call)
        except Exception:
            self._profiler.errors += 1


def _start(target: Callable[[], None], name: str) -> threading.Thread:
    thread = threading.Thread(target=target, name=name, daemon=True)
    thread.start()  # RuntimeError where no thread can be started
    return thread


# Snapshots to stacks. -----------------------------------------------------------------------------------------


def _grouped(snapshot: tracemalloc.Snapshot | None, code: types.CodeType) -> dict[Lines, list[int]]:
    """[objects, bytes] by stack, of the allocations made inside the function; stacks begin at it."""
    groups: dict[Lines, list[int]] = {}
    if snapshot is None:
        return groups
    last_line = max((line for *_, line in code.co_lines() if line is not None), default=code.co_firstlineno)
    for inner in code.co_consts:  # nested functions and comprehensions may end it
        if isinstance(inner, types.CodeType):
            last_line = max(last_line, max((line for *_, line in inner.co_lines() if line), default=0))
    for trace in snapshot.traces:
        lines = tuple((frame.filename, frame.lineno) for frame in trace.traceback)
        root = next((i for i, (file, line) in enumerate(lines)
                     if file == code.co_filename and code.co_firstlineno <= line <= last_line), None)
        if root is None:
            cut = trace.traceback.total_nframe
            if cut is None or cut <= len(lines):
                continue  # another thread's, or ours
            lines = ((code.co_filename, code.co_firstlineno), *lines)
            root = 0
        entry = groups.setdefault(lines[root:], [0, 0])
        entry[0] += 1
        entry[1] += trace.size
    return groups


def _profile_of(call: _Traced) -> Profile:
    assert call.end is not None
    code = call.gate.code
    before = _grouped(call.before, code)
    inuse = _grouped(call.end, code)
    at_end = call.end_bytes - call.base_bytes
    peak, view_bytes = inuse, max(at_end, 0)  # a call that only grows is highest at its end
    if call.view is not None and call.view_bytes > at_end:
        peak, view_bytes = _grouped(call.view, code), call.view_bytes
    samples = []
    for lines in peak.keys() | inuse.keys():
        was = before.get(lines, [0, 0])
        values = tuple(max(now - then, 0) for group in (peak, inuse)
                       for now, then in zip(group.get(lines, [0, 0]), was))
        if any(values):
            samples.append((lines, values))
    samples.sort(key=lambda sample: (-sample[1][1], sample[0]))
    dropped = max(len(samples) - STACKS_MAX, 0)
    stacks = [pprof.StackSample(_frames(lines, code), values, dict(call.labels))
              for lines, values in samples[:STACKS_MAX]]
    return Profile(
        kind="memory", labels=settings.get().identity(), start_ns=call.started_ns, duration_ns=call.duration_ns,
        types=_TYPES, samples=stacks, period_type=_TYPES[3], period=1, sample_hz=0,
        totals={"peak_bytes": max(call.peak_bytes - call.base_bytes, 0), "allocated_bytes": at_end,
                "peak_view_bytes": view_bytes, "stacks_dropped": dropped})


# tracemalloc knows files and lines; the names of functions come from the source. --------------------------------


def _frames(lines: Lines, code: types.CodeType) -> tuple[pprof.Frame, ...]:
    """The stack of the function with that code; its first line is in that function itself."""
    (file, line), *rest = lines
    return (pprof.Frame(code.co_qualname, file, code.co_firstlineno, line), *(_frame(*place) for place in rest))


def _frame(file: str, line: int) -> pprof.Frame:
    for name, first, last in _functions_of(file):
        if first <= line <= last:
            return pprof.Frame(name, file, first, line)
    return pprof.Frame(f"{file.rpartition('/')[2]}:{line}", file, 0, line)


@functools.lru_cache(maxsize=128)
def _functions_of(file: str) -> tuple[tuple[str, int, int], ...]:
    """(qualified name, first line, last line) of each function of a source file, the innermost first; the first
    line is that of the first decorator, as in a code object. Empty where there is no source."""
    try:
        with open(file, "rb") as source:
            text = source.read(SOURCE_BYTES_MAX + 1)
        if len(text) > SOURCE_BYTES_MAX:
            return ()
        tree = ast.parse(text)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    found: list[tuple[str, int, int]] = []
    waiting: list[tuple[ast.AST, str]] = [(tree, "")]
    while waiting:
        node, prefix = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            found.append((prefix + node.name, first, node.end_lineno or node.lineno))
            prefix = f"{prefix}{node.name}.<locals>."
        elif isinstance(node, ast.ClassDef):
            prefix = f"{prefix}{node.name}."
        waiting.extend((child, prefix) for child in ast.iter_child_nodes(node))
    found.sort(key=lambda entry: entry[2] - entry[1])
    return tuple(found)
