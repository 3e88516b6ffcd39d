"""Log lines: both of the guide's forms, what they carry, and that no record can break one."""

import datetime
import io
import json
import logging
import sys
import unittest

import kilowatch
from kilowatch import logs

INDIA = datetime.timezone(datetime.timedelta(hours=5, minutes=30))


def record(message: object = "m", level: int = logging.INFO, args: object = (), **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("test", level, __file__, 1, message, args, None)  # type: ignore[arg-type]
    vars(made).update(extra)
    return made


def written(made: logging.LogRecord, **options: object) -> dict:
    line = kilowatch.JsonFormatter(**options).format(made)
    if "\n" in line:
        raise AssertionError(f"two lines: {line}")
    line.encode("utf-8")
    return json.loads(line, parse_constant=lambda name: (_ for _ in ()).throw(AssertionError(name)))


class Forms(unittest.TestCase):
    # guide: G067, G215, G216, G218, G220, G221, G222, G223, P12, P16, P30
    def test_the_guides_sample_verbatim(self) -> None:
        made = record("Request processed", endpoint="/forecast", duration_ms=45, status=200, trace_id="abc123")
        made.created = 1733680621.0
        self.assertEqual(kilowatch.JsonFormatter(service="api", timezone=INDIA).format(made), json.dumps({
            "timestamp": "2024-12-08T23:27:01+05:30",
            "level": "INFO",
            "service": "api",
            "trace_id": "abc123",
            "message": "Request processed",
            "metadata": {
                "endpoint": "/forecast",
                "duration_ms": 45,
                "status": 200
            }
        }))

    # guide: G064, G067, G069, G070, G071, G072, P12
    def test_the_form_with_details(self) -> None:
        with kilowatch.bind(request_id="r-1", user_id="u-1"), kilowatch.span("request") as span:
            got = written(record("done", duration_ms=1.5), service="model", form="details")
        self.assertEqual(list(got), ["timestamp", "level", "service", "trace_id", "message", "details"])
        self.assertEqual(got["details"], {"request_id": "r-1", "user_id": "u-1", "duration_ms": 1.5})
        self.assertEqual((got["service"], got["trace_id"]), ("model", span.context.trace_id))
        self.assertEqual(datetime.datetime.fromisoformat(got["timestamp"]).utcoffset(), datetime.timedelta())

    # guide: G065, G212, P11
    def test_levels_in_the_words_of_each_form(self) -> None:
        rows = [
            (logging.DEBUG, "DEBUG", "DEBUG", None), (logging.INFO, "INFO", "INFO", None),
            (logging.WARNING, "WARNING", "WARN", None), (logging.ERROR, "ERROR", "ERROR", None),
            (logging.CRITICAL, "ERROR", "ERROR", "CRITICAL"), (25, "INFO", "INFO", "Level 25"),
            (1, "DEBUG", "DEBUG", "Level 1")]
        for level, in_details, in_metadata, own in rows:
            with self.subTest(level):
                details, metadata = (written(record(level=level), form=form) for form in ("details", "metadata"))
                self.assertEqual((details["level"], metadata["level"]), (in_details, in_metadata))
                self.assertEqual((details["details"].get("level_name"), metadata["metadata"].get("level_name")),
                                 (own, own))

    def test_without_a_trace_there_is_no_trace_id(self) -> None:
        self.assertNotIn("trace_id", written(record()))
        with self.assertRaisesRegex(ValueError, "want 'metadata' or 'details'"):
            kilowatch.JsonFormatter(form="extra")

    def test_objects_named_as_the_forms_are_merged(self) -> None:
        got = written(record(metadata={"status": 200}, details={"a": 1}))
        self.assertEqual(got["metadata"], {"status": 200, "a": 1})

    def test_an_exception_comes_with_its_stack(self) -> None:
        try:
            raise ValueError("no zone")
        except ValueError:
            made = record("failed", logging.ERROR)
            made.exc_info = sys.exc_info()
        got = written(made)["metadata"]["exception"]
        self.assertEqual((got["type"], got["message"]), ("ValueError", "no zone"))
        self.assertIn("test_an_exception_comes_with_its_stack", got["stack"])

    def test_through_logging_itself(self) -> None:
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(kilowatch.JsonFormatter(service="api"))
        logger = logging.Logger("test")
        logger.addHandler(handler)
        logger.info("zone %s took %d ms", "NO2", 45, extra={"status": 200})
        got = json.loads(stream.getvalue())
        self.assertEqual((got["message"], got["metadata"]), ("zone NO2 took 45 ms", {"status": 200}))


class Hostile(unittest.TestCase):
    def test_nothing_in_a_record_breaks_its_line(self) -> None:
        class Bad:
            def __str__(self) -> str:
                raise OSError("no")

        loop: dict = {}
        loop["self"] = loop
        rows = [
            record("two\nlines\u2028\x00"), record("half a pair \ud800"), record("%d", args=("x",)), record(Bad()),
            record("%s", args=(Bad(),)), record(None), record(value=Bad()), record(value=loop),
            record(value={1: {2: 3}}),
            record(value=float("nan")), record(value=float("-inf")), record(value=10**400), record(value={Bad()}),
            record(created=float("nan")), record(created="then"), record(value=object()),
            record(value=b"\xff"), record(**{"\udfff": "\udfff"}), record(details=1),
            record(value=[[[[[[[[[[[["deep"]]]]]]]]]]]])]
        for index, made in enumerate(rows):
            with self.subTest(index):
                self.assertIn("message", written(made))

    def test_a_line_is_bounded(self) -> None:
        made = record("m" * 10**6, text="t" * 10**6, many={str(i): i for i in range(10**4)}, list=list(range(10**4)))
        for i in range(1000):
            setattr(made, f"extra{i}", i)
        got = written(made)
        self.assertEqual(len(got["message"]), logs.TEXT_MAX + 1)
        self.assertLess(len(json.dumps(got)), 150_000)
        self.assertEqual(got["metadata"]["many"][logs.CUT], 10**4 - logs.ENTRIES_MAX)
        self.assertEqual(got["metadata"]["list"][-1], logs.CUT)
        self.assertLessEqual(len(got["metadata"]), logs.ENTRIES_MAX + 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
