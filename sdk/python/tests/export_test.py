"""The way out: a receiver that hangs, refuses, answers nonsense or is away for an hour costs the host nothing."""

import socket
import threading
import time
import unittest
from collections.abc import Callable

import kilowatch
from kilowatch import export
from kilowatch.export import Exporter, HttpTransport, Refused, Request

LONGEST_SECONDS = 0.05


def longest_call(call: Callable[[], object], times: int) -> float:
    """Seconds of the longest of `times` calls, in the best of three rounds: a busy machine may stop a process for
    50 ms, but a call that waits for a receiver does so in every round."""
    best = float("inf")
    for _ in range(3):
        longest = 0.0
        for _ in range(times):
            started = time.monotonic()
            call()
            longest = max(longest, time.monotonic() - started)
        best = min(best, longest)
    return best


def request(size: int = 100, path: str = "/x") -> Request:
    return Request(path, "application/octet-stream", b"x" * size)


class Receiver:
    """A server that reads one request from each connection and answers with `answer(request)`; None: it hangs."""

    def __init__(self, answer: Callable[[bytes], bytes | None]) -> None:
        self.seen: list[bytes] = []
        self._answer = answer
        self._held: list[socket.socket] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            connection.settimeout(10)
            data = b""
            while b"\r\n\r\n" not in data:
                data += connection.recv(65536)
            head, _, body = data.partition(b"\r\n\r\n")
            size = int(next(line.split(b":")[1] for line in head.split(b"\r\n") if line.startswith(b"Content-Length")))
            while len(body) < size:
                body += connection.recv(65536)
            self.seen.append(head + b"\r\n\r\n" + body)
            answer = self._answer(self.seen[-1])
            if answer is None:
                self._held.append(connection)
                continue
            connection.sendall(answer)
            connection.close()

    def close(self) -> None:
        self._socket.close()
        for connection in self._held:
            connection.close()


class WithReceiver(unittest.TestCase):
    def receiver(self, answer: Callable[[bytes], bytes | None]) -> Receiver:
        made = Receiver(answer)
        self.addCleanup(made.close)
        return made

    def exporter(self, transport: export.Transport, **more: object) -> Exporter:
        made = Exporter(transport, **more)  # type: ignore[arg-type]
        self.addCleanup(made.close)
        return made

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.002)


class Http(WithReceiver):
    def test_what_is_sent(self) -> None:
        receiver = self.receiver(lambda _: b"HTTP/1.1 204 No Content\r\n\r\n")
        HttpTransport(receiver.url + "/base/", headers={"Authorization": "Bearer t"}).send(request(3, "/ingest?a=b"))
        head, _, body = receiver.seen[0].partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.assertEqual(lines[0], "POST /base/ingest?a=b HTTP/1.1")
        self.assertIn("Content-Length: 3", lines)
        self.assertIn("Content-Type: application/octet-stream", lines)
        self.assertIn("Authorization: Bearer t", lines)
        self.assertIn("Host: " + receiver.url.removeprefix("http://"), lines)
        self.assertEqual(body, b"xxx")

    def test_statuses(self) -> None:
        rows: list[tuple[bytes, type[Exception] | None]] = [
            (b"200 OK", None), (b"204 x", None), (b"301 x", Refused), (b"400 x", Refused), (b"401 x", Refused),
            (b"413 x", Refused), (b"408 x", ConnectionError), (b"429 x", ConnectionError), (b"500 x", ConnectionError),
            (b"503 x", ConnectionError), (b"abc x", Refused)]
        for status, want in rows:
            with self.subTest(status):
                receiver = self.receiver(lambda _, s=status: b"HTTP/1.1 " + s + b"\r\n\r\n")
                if want is None:
                    HttpTransport(receiver.url).send(request())
                else:
                    with self.assertRaises(want):
                        HttpTransport(receiver.url).send(request())

    def test_answers_that_are_none(self) -> None:
        for answer in (b"", b"HTTP/1.1 200", b"x" * (64 << 10), b"SMTP ready\r\n\r\n"):
            with self.subTest(answer[:20]):
                receiver = self.receiver(lambda _, a=answer: a)
                with self.assertRaises((OSError, Refused)):
                    HttpTransport(receiver.url).send(request())

    def test_a_receiver_that_hangs_ends_at_the_deadline(self) -> None:
        receiver = self.receiver(lambda _: None)
        with self.assertRaises(TimeoutError):
            HttpTransport(receiver.url, timeout_seconds=0.1).send(request())

    def test_a_receiver_that_drips_ends_at_the_deadline(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            stop = threading.Event()

            def drip() -> None:
                with server.accept()[0] as connection:
                    while not stop.wait(0.01):
                        try:
                            connection.sendall(b"H")
                        except OSError:
                            return

            thread = threading.Thread(target=drip)
            thread.start()
            try:
                with self.assertRaises(TimeoutError):
                    HttpTransport(f"http://127.0.0.1:{server.getsockname()[1]}", timeout_seconds=0.1).send(request())
            finally:
                stop.set()
                thread.join()

    def test_bad_urls_and_headers(self) -> None:
        for url in ("", "localhost:4040", "ftp://x", "http://", "http://x/?q=1", "http://x:port", "http://u:p@x",
                    "http://x/a b", "http://x/\u00e9"):
            with self.subTest(url), self.assertRaises(ValueError):
                HttpTransport(url)
        for value in ("b\r\nC: d", "\u20ac"):
            with self.assertRaises(ValueError):
                HttpTransport("http://x", headers={"A": value})


class Outages(WithReceiver):
    # guide: G090
    def test_an_hour_of_outage_is_bounded_and_over_when_it_is_over(self) -> None:
        clock = [0.0]
        down = threading.Event()
        down.set()
        sent: list[Request] = []
        resting, go_on = threading.Event(), threading.Event()

        class Transport:
            def send(self, request: Request) -> None:
                if down.is_set():
                    raise ConnectionRefusedError("down")
                sent.append(request)

        def pause(seconds: float) -> None:  # an hour in which no second passes
            clock[0] += seconds
            if clock[0] >= 3600:
                resting.set()
                go_on.wait(20)

        exporter = self.exporter(Transport(), requests_max=64, bytes_max=64_000, pause=pause)
        offered = 0

        def push() -> None:
            nonlocal offered
            exporter.offer(request(900 + offered % 200, f"/{offered}"))
            offered += 1
            stats = exporter.stats()
            self.assertLessEqual(stats.waiting, 64)
            self.assertLessEqual(stats.waiting_bytes, 64_000)

        self.assertLess(longest_call(push, 2000), LONGEST_SECONDS)
        self.assertTrue(resting.wait(20))
        self.assertGreater(exporter.stats().failures, 100)  # at most one attempt each 30 s, and it did not give up
        down.clear()
        go_on.set()
        self.assertTrue(exporter.flush(20))
        stats = exporter.stats()
        self.assertEqual(stats.offered, 6000)
        self.assertEqual(stats.sent + stats.dropped_full, 6000)
        self.assertEqual(stats.sent, len(sent))
        self.assertEqual(sent[-1].path, "/5999")  # the newest are those that were kept
        self.assertEqual(stats.waiting_bytes, 0)

    # guide: G090
    def test_decorated_calls_do_not_wait_for_a_receiver_that_hangs_or_refuses(self) -> None:
        hung = self.receiver(lambda _: None)
        with socket.socket() as probe:  # bound and not listening: connections are refused
            probe.bind(("127.0.0.1", 0))
            refusing = f"http://127.0.0.1:{probe.getsockname()[1]}"
            for url in (hung.url, refusing):
                with self.subTest(url):
                    before = kilowatch.configure(profile_url=url, otlp_url=url, profile_seconds=0.1,
                                                 exit_flush_seconds=0)
                    self.addCleanup(kilowatch.configure, profile_url="", otlp_url="", profile_seconds=10)
                    self.assertEqual(before.profile_url, url)

                    @kilowatch.profile_cpu
                    @kilowatch.profile_memory
                    def work() -> int:
                        with kilowatch.span("work"):
                            return 1

                    self.assertLess(longest_call(work, 1000), LONGEST_SECONDS)
                    started = time.monotonic()
                    self.assertFalse(kilowatch.flush(0.02))
                    self.assertLess(time.monotonic() - started, 5)
                    stats = kilowatch.stats()
                    self.assertEqual(stats["cpu_profiler_errors"], 0)
                    self.assertGreater(stats["spans_dropped"] + stats["otlp_export"].offered, 0)

    def test_a_refused_request_is_dropped_and_the_next_one_sent(self) -> None:
        receiver = self.receiver(
            lambda seen: b"HTTP/1.1 400 no\r\n\r\n" if b"/bad" in seen else b"HTTP/1.1 200 ok\r\n\r\n")
        exporter = self.exporter(HttpTransport(receiver.url))
        exporter.offer(request(path="/bad"))
        exporter.offer(request(path="/good"))
        self.assertTrue(exporter.flush(20))
        stats = exporter.stats()
        self.assertEqual((stats.sent, stats.dropped_refused, stats.last_error), (1, 1, "status 400"))

    def test_a_failed_request_is_sent_again_in_its_place(self) -> None:
        answers = [b"HTTP/1.1 503 x\r\n\r\n"]
        receiver = self.receiver(lambda _: answers.pop() if answers else b"HTTP/1.1 200 ok\r\n\r\n")
        exporter = self.exporter(HttpTransport(receiver.url), pause=lambda _: None)
        for i in range(3):
            exporter.offer(request(path=f"/{i}"))
        self.assertTrue(exporter.flush(20))
        self.assertEqual([seen.split(b" ")[1] for seen in receiver.seen], [b"/0", b"/0", b"/1", b"/2"])

    def test_a_transport_that_raises_anything_does_not_end_the_worker(self) -> None:
        class Transport:
            calls = 0

            def send(self, request: Request) -> None:
                self.calls += 1
                if self.calls == 1:
                    raise RecursionError("odd")

        exporter = self.exporter(Transport(), pause=lambda _: None)
        exporter.offer(request())
        self.assertTrue(exporter.flush(20))
        self.assertEqual((exporter.stats().sent, exporter.stats().failures), (1, 1))

    def test_too_large_and_closed_are_counted(self) -> None:
        exporter = self.exporter(HttpTransport("http://127.0.0.1:9"), bytes_max=10)
        self.assertFalse(exporter.offer(request(11)))
        exporter.close()
        self.assertFalse(exporter.offer(request(1)))
        stats = exporter.stats()
        self.assertEqual((stats.offered, stats.dropped_full, stats.dropped_closed), (2, 1, 1))


class Profiles(WithReceiver):
    # guide: G086
    def test_a_profile_is_pushed_as_pyroscope_takes_it(self) -> None:
        receiver = self.receiver(lambda _: b"HTTP/1.1 200 ok\r\n\r\n")
        kilowatch.configure(profile_url=receiver.url, service="model", model_version="7")
        self.addCleanup(kilowatch.configure, profile_url="", service="python", model_version="")

        @kilowatch.profile_cpu
        def model_inference(data: int) -> int:
            return data

        model_inference(1)
        self.assertTrue(kilowatch.flush(20))
        head, _, body = receiver.seen[0].partition(b"\r\n\r\n")
        path = head.split(b" ")[1].decode()
        self.assertTrue(path.startswith("/ingest?name=model.cpu%7Bmodel_version%3D7%7D&from=1"), path)
        self.assertIn("&format=pprof&sampleRate=100&spyName=kilowatch-python", path)
        self.assertEqual(body[:2], b"\x1f\x8b")
        self.assertEqual(kilowatch.stats()["profile_export"].sent, 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
