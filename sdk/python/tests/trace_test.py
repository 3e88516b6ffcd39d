"""W3C trace context: the grammar of both headers, and the current span through threads, tasks and exceptions."""

import asyncio
import threading
import unittest

import kilowatch
from kilowatch import trace

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Traceparent(unittest.TestCase):
    def test_accepts_what_the_specification_does(self) -> None:
        rows = [
            (PARENT, True),
            (f"00-{TRACE}-{SPAN}-00", False),
            (f"00-{TRACE}-{SPAN}-ff", True),  # unknown flags: only sampled counts
            (f"00-{TRACE}-{SPAN}-02", False),
            (f" \t{PARENT}\t ", True),  # white space around a header's value
            (f"01-{TRACE}-{SPAN}-01", True),  # a later version that looks the same
            (f"cc-{TRACE}-{SPAN}-01-what-comes-later", True),
        ]
        for text, sampled in rows:
            with self.subTest(text):
                got = trace.parse_traceparent(text)
                self.assertEqual(got, trace.SpanContext(TRACE, SPAN, sampled))

    def test_rejects_everything_else(self) -> None:
        rows = [
            "", "-", PARENT[:-1], PARENT + "1", PARENT + "-", PARENT + "-x",  # 00 is exactly 55 long
            f"ff-{TRACE}-{SPAN}-01", f"0-{TRACE}-{SPAN}-01", f"000-{TRACE}-{SPAN}-01",
            f"01-{TRACE}-{SPAN}-01.later",  # what follows must begin with a dash
            f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01",
            f"00-{TRACE.upper()}-{SPAN}-01", f"00-{TRACE}-{SPAN.upper()}-01", f"00-{TRACE}-{SPAN}-0A",
            f"00-{TRACE[:-1]}-{SPAN}-01", f"00-{TRACE}-{SPAN}", f"00_{TRACE}_{SPAN}_01", PARENT.replace("a", "g"),
            PARENT + "\n", "00-" + "４" * 32 + f"-{SPAN}-01", f"{PARENT},{PARENT}",
        ]
        for text in rows:
            with self.subTest(text):
                self.assertIsNone(trace.parse_traceparent(text))

    def test_every_truncation_is_rejected(self) -> None:
        for length in range(len(PARENT)):
            self.assertIsNone(trace.parse_traceparent(PARENT[:length]), length)

    def test_formats_what_it_parses(self) -> None:
        for text in (PARENT, f"00-{TRACE}-{SPAN}-00"):
            self.assertEqual(trace.format_traceparent(trace.parse_traceparent(text)), text)

    def test_no_invalid_context_can_be_built(self) -> None:
        for trace_id, span_id in ((TRACE.upper(), SPAN), ("0" * 32, SPAN), (TRACE, "0" * 16), ("abc123", SPAN)):
            with self.assertRaises(ValueError):
                trace.SpanContext(trace_id, span_id)


class Tracestate(unittest.TestCase):
    def test_accepts_what_the_specification_does(self) -> None:
        rows = [
            ("", ()),
            ("rojo=00f067aa0ba902b7", (("rojo", "00f067aa0ba902b7"),)),
            ("a=1, b=2 ,\tc=3", (("a", "1"), ("b", "2"), ("c", "3"))),
            ("a=1,,b=2,", (("a", "1"), ("b", "2"))),
            ("fw529a3039@dt=FfAAAA4AAAB", (("fw529a3039@dt", "FfAAAA4AAAB"),)),
            ("0tenant@system=x", (("0tenant@system", "x"),)),
            ("a_-*/9=x", (("a_-*/9", "x"),)),
            ("a=in side", (("a", "in side"),)),
            ("k=" + "v" * 256, (("k", "v" * 256),)),
            ("k" * 256 + "=v", (("k" * 256, "v"),)),
            ("t" * 241 + "@" + "s" * 14 + "=v", (("t" * 241 + "@" + "s" * 14, "v"),)),
        ]
        for text, want in rows:
            with self.subTest(text):
                self.assertEqual(trace.parse_tracestate(text), want)

    def test_rejects_everything_else(self) -> None:
        rows = [
            "a", "a=", "=1", "A=1", "1=1", "a =1", "a=1=2", "a=1,a=2", "a=\x7f", "a=\u00e9", "@s=1", "t@=1", "t@9=1",
            "a@b@c=1", "k=" + "v" * 257, "k" * 257 + "=v", "t" * 242 + "@s=v", "t@" + "s" * 15 + "=v", "a.b=1",
            ",".join(f"k{i}=v" for i in range(33)), "a=1;b=2,c=\n",
        ]
        for text in rows:
            with self.subTest(text):
                self.assertIsNone(trace.parse_tracestate(text))

    def test_takes_thirty_two_members(self) -> None:
        text = ",".join(f"k{i}=v" for i in range(32))
        self.assertEqual(trace.format_tracestate(trace.parse_tracestate(text)), text)


class Headers(unittest.TestCase):
    def test_extract_takes_any_case_and_joins_states(self) -> None:
        got = kilowatch.extract([("TraceParent", PARENT), ("tracestate", "a=1"), ("TRACESTATE", "b=2")])
        self.assertEqual(got, trace.SpanContext(TRACE, SPAN, True, (("a", "1"), ("b", "2"))))

    def test_two_parents_are_none_and_a_damaged_state_costs_only_itself(self) -> None:
        self.assertIsNone(kilowatch.extract([("traceparent", PARENT), ("traceparent", PARENT)]))
        self.assertIsNone(kilowatch.extract({"tracestate": "a=1"}))
        self.assertEqual(kilowatch.extract({"traceparent": PARENT, "tracestate": "A=1"}),
                         trace.SpanContext(TRACE, SPAN))

    def test_inject_continues_the_callers_trace(self) -> None:
        headers: dict[str, str] = {}
        with kilowatch.use(kilowatch.extract({"traceparent": PARENT, "tracestate": "a=1"})):
            with kilowatch.span("work") as span:
                kilowatch.inject(headers)
        self.assertEqual(headers, {"traceparent": f"00-{TRACE}-{span.context.span_id}-01", "tracestate": "a=1"})
        self.assertEqual(span.parent_span_id, SPAN)
        self.assertNotEqual(span.context.span_id, SPAN)

    def test_inject_without_a_span_leaves_headers_alone(self) -> None:
        headers: dict[str, str] = {}
        kilowatch.inject(headers)
        self.assertEqual(headers, {})

    def test_what_is_not_sampled_stays_so(self) -> None:
        with kilowatch.use(trace.SpanContext(TRACE, SPAN, False)), kilowatch.span("work") as span:
            self.assertFalse(span.context.sampled)


class Spans(unittest.TestCase):
    def test_nested_spans_and_the_way_back(self) -> None:
        self.assertIsNone(kilowatch.current())
        with kilowatch.span("outer") as outer:
            with kilowatch.span("inner") as inner:
                self.assertEqual(kilowatch.current(), inner.context)
                self.assertEqual(inner.context.trace_id, outer.context.trace_id)
                self.assertEqual(inner.parent_span_id, outer.context.span_id)
            self.assertEqual(kilowatch.current(), outer.context)
        self.assertIsNone(kilowatch.current())
        self.assertIsNone(outer.parent_span_id)
        self.assertGreaterEqual(outer.end_ns, outer.start_ns)

    def test_an_exception_passes_through_and_marks_the_span(self) -> None:
        error = ValueError("no such zone")
        with self.assertRaises(ValueError) as caught, kilowatch.span("work") as span:
            raise error
        self.assertIs(caught.exception, error)
        self.assertEqual(span.error, "ValueError: no such zone")
        self.assertIsNone(kilowatch.current())

    # guide: G079, G080, G081, G082, G083
    def test_spans_carry_the_five_tags_that_are_bound(self) -> None:
        bound = {"request_id": "r-1", "user_id": "u-1", "model_version": "7", "data_version": "3",
                 "environment": "test"}
        with kilowatch.bind(**bound), kilowatch.span("work", zone="NO2") as span:
            pass
        self.assertEqual(span.attributes, {**bound, "zone": "NO2"})
        self.assertEqual(kilowatch.tags(), {})

    def test_an_exception_without_words_keeps_its_place(self) -> None:
        class Bad(Exception):
            def __str__(self) -> str:
                raise OSError("no")

        with self.assertRaises(Bad), kilowatch.span("work") as span:
            raise Bad
        self.assertEqual(span.error, "Bad")

    def test_attributes_are_bounded_and_counted(self) -> None:
        with kilowatch.span("work") as span:
            for i in range(200):
                span.set(f"a{i}", i)
        self.assertEqual((len(span.attributes), span.attributes_dropped), (128, 72))

    def test_tasks_inherit_and_threads_begin_without(self) -> None:
        seen: dict[str, object] = {}

        async def task(name: str) -> None:
            with kilowatch.span(name) as span:
                await asyncio.sleep(0)
                self.assertEqual(kilowatch.current(), span.context)
                seen[name] = span.parent_span_id

        async def main() -> str:
            with kilowatch.span("request") as span:
                await asyncio.gather(task("a"), task("b"))
                thread = threading.Thread(target=lambda: seen.update(thread=kilowatch.current()))
                thread.start()
                thread.join()
                return span.context.span_id

        root = asyncio.run(main())
        self.assertEqual(seen, {"a": root, "b": root, "thread": None})


if __name__ == "__main__":
    unittest.main(verbosity=2)
