"""A finished profile as a value, the last of them for whoever asks locally, and the push to a server.

    profiler ──keep()──▶ the last 32 profiles, at most 16 MiB ──▶ recent()
                 └─────▶ Exporter ──▶ POST /ingest?name=…&format=pprof

The push speaks Pyroscope's ingest: name carries the labels (`model.cpu{model_version=7}`), from and until are
seconds since the epoch, the body is the gzipped pprof. A profile that does not fit drops the oldest.
"""

from __future__ import annotations

import re
import threading
import urllib.parse
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from . import export, pprof

KEPT_MAX = 32
KEPT_BYTES_MAX = 16 << 20


@dataclass(frozen=True)
class Profile:
    """What one profiler saw of one window (CPU) or one call (memory)."""

    kind: str  # cpu or memory
    labels: Mapping[str, str]  # service, model_version, … as far as known
    start_ns: int  # since the Unix epoch
    duration_ns: int
    types: Sequence[pprof.ValueType]
    samples: Sequence[pprof.StackSample]
    period_type: pprof.ValueType
    period: int  # in the unit of period_type
    sample_hz: int
    totals: Mapping[str, int]  # CPU: calls, cpu_ns, stacks_dropped; memory: peak_bytes, allocated_bytes, …
    pprof_gz: bytes = field(default=b"", repr=False)

    def folded(self, value: str = "") -> dict[str, int]:
        """Stacks as text, root first and joined by semicolons, with the sum of one value type (the last by
        default): what flamegraph.pl and speedscope read."""
        names = [kind.name for kind in self.types]
        index = names.index(value) if value else len(names) - 1
        out: dict[str, int] = {}
        for sample in self.samples:
            line = ";".join(frame.function for frame in sample.stack)
            out[line] = out.get(line, 0) + sample.values[index]
        return out


def finish(profile: Profile) -> Profile:
    """The same profile with its pprof bytes."""
    body = pprof.encode(
        profile.types, profile.samples, time_ns=profile.start_ns, duration_ns=profile.duration_ns,
        period_type=profile.period_type, period=profile.period,
        comments=[f"{key}={value}" for key, value in sorted(profile.labels.items())] +
                 [f"{key}={value}" for key, value in sorted(profile.totals.items())])
    return replace(profile, pprof_gz=body)


def ingest_request(profile: Profile) -> export.Request:
    """The request that pushes a profile."""
    def plain(text: str) -> str:  # the name's own punctuation would end a label
        return re.sub(r"[{}=,\s\"]", "_", text)[:200]

    labels = ",".join(f"{plain(key)}={plain(value)}" for key, value in sorted(profile.labels.items())
                      if key != "service")
    name = f"{plain(profile.labels.get('service', 'python'))}.{profile.kind}{{{labels}}}"
    end_ns = profile.start_ns + profile.duration_ns
    query = urllib.parse.urlencode({
        "name": name, "from": profile.start_ns // 10**9, "until": -(-end_ns // 10**9), "format": "pprof",
        "sampleRate": profile.sample_hz, "spyName": "kilowatch-python"})
    return export.Request(f"/ingest?{query}", "application/octet-stream", profile.pprof_gz)


class ProfileStore:
    """The last profiles, and whom to push them to. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._kept: deque[Profile] = deque()
        self._kept_bytes = 0
        self.exporter: export.Exporter | None = None

    def keep(self, profile: Profile) -> None:
        profile = finish(profile)
        with self._lock:
            self._kept.append(profile)
            self._kept_bytes += len(profile.pprof_gz)
            while len(self._kept) > KEPT_MAX or (self._kept_bytes > KEPT_BYTES_MAX and len(self._kept) > 1):
                self._kept_bytes -= len(self._kept.popleft().pprof_gz)
        exporter = self.exporter
        if exporter is not None:
            exporter.offer(ingest_request(profile))

    def recent(self, kind: str | None = None) -> list[Profile]:
        with self._lock:
            return [profile for profile in self._kept if kind is None or profile.kind == kind]

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._kept_bytes = 0

    def forget_lock(self) -> None:
        """After a fork: the parent's thread that held the lock is not here to release it."""
        self._lock = threading.RLock()
