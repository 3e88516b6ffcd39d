"""Log lines in the guide's JSON, one object a line, carrying the trace that the code runs for.

    {"timestamp": …, "level": …, "service": …, "trace_id": …, "message": …, "metadata": {…}}

The guide has two forms that differ in two words, and this writes either: "metadata" (level WARN) as in its logging
strategy, "details" (level WARNING) as in its log management. What a record has beyond the message, `extra={…}`,
goes into that object together with the bound tags (request_id, user_id, …), as numbers where they are numbers.

Invariants
  1. format() never raises, whatever the record holds, and gives one line of valid JSON in UTF-8.
  2. A line is bounded: the message and each text 32 KiB, 256 entries an object, 8 levels; what is over is cut and
     the cut marked with "…".
  3. Key order is the guide's. `trace_id` is left out where there is none.
"""

from __future__ import annotations

import datetime
import json
import logging
import math
import traceback
from typing import Any

from . import settings, trace

TEXT_MAX = 32 << 10
ENTRIES_MAX = 256
DEPTH_MAX = 8
CUT = "…"

# What every record has: everything else came from `extra`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def text_of(value: object) -> str:
    """A text of bounded length that UTF-8 can hold, of anything."""
    try:
        text = value if isinstance(value, str) else str(value)
    except Exception as error:
        text = f"<{type(value).__name__} whose str() raised {type(error).__name__}>"
    if len(text) > TEXT_MAX:
        text = text[:TEXT_MAX] + CUT
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # a lone surrogate is no character
        text = text.encode("utf-8", "replace").decode("utf-8")
    return text


def json_value(value: object, depth: int = DEPTH_MAX) -> Any:
    """The nearest that JSON has to `value`: text where it has nothing."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if value.bit_length() <= 64 else text_of(hex(value))
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else text_of(value)
    if isinstance(value, str):
        return text_of(value)
    if depth > 0 and isinstance(value, dict):
        out = {text_of(key): json_value(inner, depth - 1) for key, inner in list(value.items())[:ENTRIES_MAX]}
        if len(value) > ENTRIES_MAX:
            out[CUT] = len(value) - ENTRIES_MAX
        return out
    if depth > 0 and isinstance(value, (list, tuple, set, frozenset)):
        items = [json_value(inner, depth - 1) for inner in list(value)[:ENTRIES_MAX]]
        return items + [CUT] if len(value) > ENTRIES_MAX else items
    if isinstance(value, (dict, list, tuple, set, frozenset)):
        return CUT  # deeper than a line may go; str() of it could be of any size
    return text_of(value)


def attributes_of(record: logging.LogRecord) -> dict[str, Any]:
    """What a record says beyond its message: tags, `extra`, the exception. `extra` wins over tags."""
    out: dict[str, Any] = {name: json_value(value) for name, value in trace.tags().items()}
    for name, value in list(vars(record).items()):
        if name in _STANDARD or name == "trace_id" or len(out) >= ENTRIES_MAX:
            continue
        if name in ("details", "metadata") and isinstance(value, dict):
            for key, inner in list(value.items())[:ENTRIES_MAX]:
                out[text_of(key)] = json_value(inner)
        else:
            out[text_of(name)] = json_value(value)
    if record.exc_info and record.exc_info[0] is not None:
        kind, error, place = record.exc_info
        out["exception"] = {"type": kind.__qualname__, "message": text_of(error),
                            "stack": text_of("".join(traceback.format_exception(kind, error, place)))}
    if record.stack_info:
        out["stack"] = text_of(record.stack_info)
    return out


def message_of(record: logging.LogRecord) -> str:
    try:
        return text_of(record.getMessage())
    except Exception as error:  # arguments that do not fit the text: say what was asked
        return text_of(f"{text_of(record.msg)} (arguments do not fit: {type(error).__name__})")


def trace_id_of(record: logging.LogRecord) -> str:
    """`extra={"trace_id": …}` of any form, else the current span's."""
    given = getattr(record, "trace_id", None)
    if given:
        return text_of(given)
    context = trace.current()
    return context.trace_id if context else ""


class JsonFormatter(logging.Formatter):
    """A logging.Formatter of the guide's form. `form` is "metadata" or "details"."""

    def __init__(self, service: str | None = None, form: str = "metadata",
                 timezone: datetime.tzinfo = datetime.timezone.utc) -> None:
        """`service` None: that of configure(). Times are written with `timezone`'s offset, to the microsecond
        where they have one. Errors: ValueError for another form."""
        super().__init__()
        if form not in ("metadata", "details"):
            raise ValueError(f"form is {form!r}; want 'metadata' or 'details'")
        self._service = service
        self._form = form
        self._timezone = timezone

    def format(self, record: logging.LogRecord) -> str:
        try:
            line = self._line(record)
        except Exception as error:  # a bug of ours or an object of the host's: the line still comes
            line = {"timestamp": self._time(record), "level": "ERROR", "service": self._service_name(),
                    "message": f"a log record could not be written: {type(error).__name__}"}
        return json.dumps(line, ensure_ascii=False, allow_nan=False)

    def _line(self, record: logging.LogRecord) -> dict[str, Any]:
        level, own_name = self._level(record)
        attributes = attributes_of(record)
        if own_name:
            attributes["level_name"] = own_name
        line: dict[str, Any] = {"timestamp": self._time(record), "level": level, "service": self._service_name()}
        trace_id = trace_id_of(record)
        if trace_id:
            line["trace_id"] = trace_id
        line["message"] = message_of(record)
        line[self._form] = attributes
        return line

    def _time(self, record: logging.LogRecord) -> str:
        try:
            return datetime.datetime.fromtimestamp(record.created, self._timezone).isoformat()
        except Exception:  # a record that was built by hand with a time that is none
            return datetime.datetime.now(datetime.timezone.utc).isoformat()

    def _service_name(self) -> str:
        return text_of(self._service if self._service is not None else settings.get().service)

    def _level(self, record: logging.LogRecord) -> tuple[str, str]:
        """The guide's level, and the record's own name where the guide has no such level (CRITICAL, …)."""
        warning = "WARN" if self._form == "metadata" else "WARNING"
        for least, name in ((logging.ERROR, "ERROR"), (logging.WARNING, warning), (logging.INFO, "INFO")):
            if record.levelno >= least:
                return name, "" if record.levelno == least else text_of(record.levelname)
        return "DEBUG", "" if record.levelno == logging.DEBUG else text_of(record.levelname)
