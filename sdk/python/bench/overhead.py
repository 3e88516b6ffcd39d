"""How much slower a function is under @profile_cpu at the default rate: prints the figure, judges nothing.

    PYTHONPATH=sdk/python /usr/bin/python3 sdk/python/bench/overhead.py

A call of some milliseconds of pure Python is run decorated and undecorated in turns, so that a machine that slows
down slows both. The figure is of the medians. The cost of an empty call and of a memory profile's gate is printed
too, since a decorator on a function of a microsecond is mostly that.
"""

import statistics
import time
from collections.abc import Callable

from kilowatch import profile_cpu, profile_memory

ROUNDS = 300


def work() -> int:
    total = 0
    for i in range(60_000):
        total += i * i % 7
    return total


def empty() -> None:
    pass


def seconds_of(function: Callable[[], object], times: int = 1) -> float:
    started = time.perf_counter()
    for _ in range(times):
        function()
    return (time.perf_counter() - started) / times


def main() -> None:
    decorated = profile_cpu(work)
    plain: list[float] = []
    profiled: list[float] = []
    for round_number in range(ROUNDS):
        pair = [(work, plain), (decorated, profiled)]
        for function, into in pair if round_number % 2 else reversed(pair):
            into.append(seconds_of(function))
    base, with_profiler = statistics.median(plain), statistics.median(profiled)
    mean = sum(profiled) / sum(plain) - 1
    print(f"plain {base * 1e3:.3f} ms, under @profile_cpu {with_profiler * 1e3:.3f} ms: "
          f"{(with_profiler / base - 1) * 100:+.2f} % (median of {ROUNDS}), {mean * 100:+.2f} % (mean)")
    bare = seconds_of(empty, 200_000)
    print(f"an empty call: {bare * 1e9:.0f} ns plain, "
          f"{seconds_of(profile_cpu(empty), 200_000) * 1e9:.0f} ns under @profile_cpu")
    gated = profile_memory(work)
    gated()
    tracing = [seconds_of(gated) for _ in range(ROUNDS)]
    print(f"under @profile_memory, most calls untraced: {(statistics.median(tracing) / base - 1) * 100:+.2f} % "
          f"(median), {(statistics.fmean(tracing) / statistics.fmean(plain) - 1) * 100:+.2f} % (mean)")


if __name__ == "__main__":
    main()
