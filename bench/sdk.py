"""Holds the C++ SDK to its costs: a counter below 50 ns, a span below 1 µs, the profiler at 100 Hz below 2 %.

    cmake --preset release -DKW_BENCH=ON && cmake --build build/release --target sdk_cpp_bench
    python3 bench/sdk.py [SDK_CPP_BENCH]         build/release/sdk/cpp/sdk_cpp_bench

CPU time, a round at a time with and without the profiler in turns. What else runs on the machine adds to a figure and
takes nothing from it, so the least of the rounds counts; for the profiler that is the least time with it against the
least without. Exits with 1 where a limit is passed. (Python's figure: sdk/python/bench/overhead.py.)
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
ROUNDS = 5
LIMITS_NS = {"BM_Counter": 50, "BM_Span": 1000, "BM_SpanIntoExporter": 1000, "BM_SpanWithTagsAndAttributes": 1000}
PROFILER_LIMIT = 0.02


def run(program: str, pattern: str, seconds: float) -> dict[str, float]:
    """Benchmark -> nanoseconds of CPU for one iteration."""
    out = subprocess.run([program, f"--benchmark_filter=^({pattern})(/|$)", f"--benchmark_min_time={seconds}",
                          "--benchmark_format=json"], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    return {one["name"]: one["cpu_time"] for one in json.loads(out)["benchmarks"]}


def least(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: min(one[name] for one in rounds) for name in rounds[0]}


def main(arguments: list[str]) -> int:
    program = arguments[0] if arguments else str(ROOT / "build" / "release" / "sdk" / "cpp" / "sdk_cpp_bench")
    if not pathlib.Path(program).is_file():
        print(f"bench/sdk.py: there is no {program}; build it with -DKW_BENCH=ON", file=sys.stderr)
        return 2
    passed = []
    figures = least([run(program, "|".join(LIMITS_NS), 0.2) for _ in range(ROUNDS)])
    for name, found in sorted(figures.items()):
        limit = LIMITS_NS[name.split("/")[0]]
        passed.append(found < limit)
        print(f"{name:<36} {found:7.1f} ns, limit {limit} ns")
    work = least([run(program, "BM_Work/(0|100)/.*", 2) for _ in range(ROUNDS)])
    (plain,) = [found for name, found in work.items() if name.startswith("BM_Work/0/")]
    (profiled,) = [found for name, found in work.items() if name.startswith("BM_Work/100/")]
    passed.append(profiled / plain - 1 < PROFILER_LIMIT)
    print(f"{'the profiler at 100 Hz':<36} {profiled / plain - 1:7.2%}, limit {PROFILER_LIMIT:.0%}")
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
