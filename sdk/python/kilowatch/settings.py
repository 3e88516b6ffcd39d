"""What this process is called and where its telemetry goes: read by every other file, changed by configure().

Settings are one immutable value that is swapped whole, so that a reader sees all of a change or nothing of it.
Each has a default in an environment variable, so that code with nothing but the decorators can be directed from
outside.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Settings:
    service: str = "python"  # KILOWATCH_SERVICE
    environment: str = ""  # KILOWATCH_ENVIRONMENT
    instance: str = ""  # KILOWATCH_INSTANCE
    model_version: str = ""  # KILOWATCH_MODEL_VERSION
    data_version: str = ""  # KILOWATCH_DATA_VERSION
    profile_url: str = ""  # KILOWATCH_PROFILE_URL: profiles are POSTed to its /ingest; empty: kept locally only
    otlp_url: str = ""  # KILOWATCH_OTLP_URL: spans and logs to its /v1/traces and /v1/logs; empty: not sent
    headers: Mapping[str, str] = field(default_factory=dict)  # sent along, for authentication
    profile_hz: float = 100.0  # samples a second of a thread inside a decorated call
    profile_seconds: float = 10.0  # how much time one pushed profile covers
    exit_flush_seconds: float = 0.5  # how long the end of the process waits for what is still queued

    def __post_init__(self) -> None:
        for name, low, high in (("profile_hz", 1, 1000), ("profile_seconds", 0.1, 3600), ("exit_flush_seconds", 0, 60)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} is {value}; want {low} to {high}")

    def identity(self) -> dict[str, str]:
        """The keys that say whose telemetry it is; those that are not known are left out."""
        names = ("service", "environment", "instance", "model_version", "data_version")
        return {name: getattr(self, name) for name in names if getattr(self, name)}


def from_environment() -> Settings:
    names = ("service", "environment", "instance", "model_version", "data_version", "profile_url", "otlp_url")
    found = {name: os.environ.get(f"KILOWATCH_{name.upper()}", "") for name in names}
    return Settings(**{name: value for name, value in found.items() if value})  # type: ignore[arg-type]


_settings = from_environment()


def get() -> Settings:
    return _settings


def put(settings: Settings) -> None:
    global _settings
    _settings = settings
