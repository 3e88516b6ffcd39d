"""How much slower a function is under @profile_cpu at the default rate: prints the figure; overhead_test.py judges it.

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


def seconds_of(function: Callable[[], object], times: int = 1, clock: Callable[[], float] = time.perf_counter) -> float:
    started = clock()
    for _ in range(times):
        function()
    return (clock() - started) / times


def compared(clock: Callable[[], float], rounds: int = ROUNDS) -> tuple[float, float, float]:
    """(median of the plain calls, how much slower the median and the mean are under the profiler)."""
    decorated = profile_cpu(work)
    plain: list[float] = []
    profiled: list[float] = []
    for round_number in range(rounds):
        pair = [(work, plain), (decorated, profiled)]
        for function, into in pair if round_number % 2 else reversed(pair):
            into.append(seconds_of(function, clock=clock))
    base = statistics.median(plain)
    return base, statistics.median(profiled) / base - 1, sum(profiled) / sum(plain) - 1


def main() -> None:
    # Wall time on a machine that is busy with other things says more of them than of the profiler: the CPU time of
    # the process, sampler included, is printed beside it.
    for name, clock in (("wall time", time.perf_counter), ("CPU time", time.process_time)):
        base, median, mean = compared(clock)
        print(f"@profile_cpu on a call of {base * 1e3:.3f} ms, {name}: {median * 100:+.2f} % (median of {ROUNDS}), "
              f"{mean * 100:+.2f} % (mean)")
    bare = seconds_of(empty, 200_000)
    print(f"an empty call: {bare * 1e9:.0f} ns plain, "
          f"{seconds_of(profile_cpu(empty), 200_000) * 1e9:.0f} ns under @profile_cpu")
    gated = profile_memory(work)
    gated()
    base = seconds_of(work, ROUNDS, time.process_time)
    tracing = seconds_of(gated, ROUNDS, time.process_time)
    print(f"@profile_memory, most calls untraced, CPU time: {(tracing / base - 1) * 100:+.2f} % (mean)")


if __name__ == "__main__":
    main()
