"""Health checks: what results mean, time-outs, one run for many askers, and checks that hang for ever."""

import asyncio
import http.server
import json
import threading
import time
import unittest
from collections.abc import Awaitable, Callable

from kilowatch import health
from kilowatch.health import HealthChecks, HealthMiddleware, verdict_of


class Verdicts(unittest.TestCase):
    # guide: G227
    def test_what_values_say(self) -> None:
        rows: list[tuple[object, str | None]] = [
            (True, "healthy"), (False, "unhealthy"), ("healthy", "healthy"), (" OK ", "healthy"), ("up", "healthy"),
            ("UP", "healthy"), ("pass", "healthy"), ("degraded", "degraded"), ("warn", "degraded"),
            ("down", "unhealthy"),
            ("", "unhealthy"), ("whatever", "unhealthy"), (None, None), (1, None), (0, None), ([], None), ({}, None),
            ({"status": "up", "latency_ms": 3}, "healthy"), ({"status": False}, "unhealthy"), ({"ok": True}, "healthy"),
            ({"state": "degraded"}, "degraded"), ({"latency_ms": 3}, None), ({"host": "db1", "version": "15"}, None),
            ({"primary": True, "host": "down"}, "healthy"),  # a text beside other keys may be anything
            ({"primary": True, "replica": False}, "unhealthy"),
            ({"a": {"status": "ok"}, "b": {"up": False}}, "unhealthy"),
            ({"status": "healthy", "components": {"database": False}}, "unhealthy"),
            ({"status": "healthy", "components": {"a": "up", "b": {"status": "slow"}}}, "degraded"),
            ({"status": "healthy", "components": {}}, "healthy"), ([True, "ok"], "healthy"),
            ([True, False], "unhealthy")]
        for value, want in rows:
            with self.subTest(value):
                self.assertEqual(verdict_of(value), want)

    def test_a_value_that_holds_itself(self) -> None:
        loop: dict[str, object] = {}
        loop["self"] = loop
        self.assertIsNone(verdict_of(loop))


def run(main: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(main())  # type: ignore[arg-type]


class Checks(unittest.TestCase):
    # guide: G225
    def test_the_body_and_its_status(self) -> None:
        rows: list[tuple[list[object], str, int]] = [
            ([True, "up", {"status": "ok"}], "healthy", 200), ([True, "degraded", True], "degraded", 200),
            ([True, False, "degraded"], "unhealthy", 503), ([True, True, None], "unhealthy", 503)]
        for values, status, code in rows:
            with self.subTest(values):
                async def main() -> None:
                    checks = HealthChecks()
                    for name, value in zip(("database", "cache", "model"), values):
                        async def check(value: object = value) -> object:
                            return value

                        checks.add(name, check)
                    got_code, body = await checks.body()
                    self.assertEqual((got_code, body["status"]), (code, status))
                    self.assertEqual(list(body["components"]), ["database", "cache", "model"])
                    json.dumps(body)

                run(main)

    def test_an_exception_is_the_reason(self) -> None:
        async def main() -> None:
            checks = HealthChecks()

            @checks.check("database")
            async def check_db() -> bool:
                raise ConnectionRefusedError("no server on 5432")

            got = await check_db()
            self.assertEqual((got["status"], got["reason"]),
                             ("unhealthy", "ConnectionRefusedError: no server on 5432"))

        run(main)

    # guide: G233
    def test_a_slow_check_is_degraded_and_hangs_nothing(self) -> None:
        forever = threading.Event()
        self.addCleanup(forever.set)
        starts: list[str] = []

        async def deaf() -> bool:
            starts.append("deaf")
            while True:  # does not listen to being cancelled
                try:
                    await asyncio.sleep(3600)
                except asyncio.CancelledError:
                    if forever.is_set():
                        raise

        def blocked() -> bool:
            starts.append("blocked")
            return forever.wait(3600)

        async def quick() -> bool:
            return True

        async def main() -> None:
            checks = HealthChecks(timeout_seconds=0.05, cache_seconds=0)
            for name, check in (("deaf", deaf), ("blocked", blocked), ("quick", quick)):
                checks.add(name, check)  # type: ignore[arg-type]
            started = time.monotonic()
            code, body = await checks.body()
            self.assertLess(time.monotonic() - started, 5)
            self.assertEqual((code, body["status"]), (200, "degraded"))
            self.assertEqual([body["components"][name]["status"] for name in ("deaf", "blocked", "quick")],
                             ["degraded", "degraded", "healthy"])
            for _ in range(20):  # and what hangs is not started again
                _, body = await checks.body()
            self.assertEqual(starts.count("deaf"), 1)
            self.assertEqual(starts.count("blocked"), 1)
            self.assertIn("still hangs", body["components"]["blocked"]["reason"])
            forever.set()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

        run(main)

    # guide: G233
    def test_checks_awaited_one_after_the_other_run_together(self) -> None:
        async def main() -> None:
            running = 0
            most = 0
            all_in = asyncio.Event()

            async def check() -> bool:
                nonlocal running, most
                running += 1
                most = max(most, running)
                if running == 3:
                    all_in.set()
                await all_in.wait()  # none ends before all have begun
                running -= 1
                return True

            checks = HealthChecks(timeout_seconds=20)
            asks = [checks.add(name, check) for name in ("database", "cache", "model")]
            for ask in asks:
                self.assertEqual((await ask())["status"], "healthy")
            self.assertEqual(most, 3)

        run(main)

    # guide: G233
    def test_many_who_ask_share_one_run_for_the_time_of_the_cache(self) -> None:
        async def main() -> None:
            count = 0

            async def check() -> bool:
                nonlocal count
                count += 1
                await asyncio.sleep(0)
                return True

            checks = HealthChecks(cache_seconds=5)
            ask = checks.add("database", check)
            await asyncio.gather(*(ask() for _ in range(50)))
            await ask()
            self.assertEqual(count, 1)
            checks._entries["database"].finished -= 5.1  # five seconds later
            await ask()
            self.assertEqual(count, 2)

        run(main)

    def test_one_who_goes_away_stops_nobody_else(self) -> None:
        async def main() -> None:
            go = asyncio.Event()

            async def check() -> bool:
                await go.wait()
                return True

            ask = HealthChecks(timeout_seconds=20).add("database", check)
            first, second = asyncio.create_task(ask()), asyncio.create_task(ask())  # type: ignore[arg-type]
            await asyncio.sleep(0)
            first.cancel()
            await asyncio.sleep(0)
            go.set()
            self.assertEqual((await second)["status"], "healthy")

        run(main)

    # guide: G234
    def test_history_has_the_changes(self) -> None:
        async def main() -> None:
            value = True

            async def check() -> bool:
                return value

            checks = HealthChecks(cache_seconds=0)
            ask = checks.add("database", check)
            for value in (True, True, False, True):
                await ask()
            self.assertEqual([status for _, status in checks.history()["database"]],
                             ["healthy", "unhealthy", "healthy"])

        run(main)

    def test_another_event_loop_begins_afresh(self) -> None:
        checks = HealthChecks(cache_seconds=0)
        ask = checks.add("database", lambda: True)
        for _ in range(2):
            self.assertEqual(asyncio.run(ask())["status"], "healthy")  # type: ignore[arg-type]

    def test_what_is_no_check_says_so(self) -> None:
        async def main() -> None:
            got = await HealthChecks().add("database", lambda: object())()
            self.assertEqual(got["status"], "unhealthy")
            self.assertIn("want a bool, a word or a status", got["reason"])

        run(main)
        for bad in ({"cache_seconds": 6}, {"cache_seconds": -1}, {"timeout_seconds": 0}, {"timeout_seconds": 61}):
            with self.assertRaises(ValueError):
                HealthChecks(**bad)
        checks = HealthChecks()
        checks.add("database", lambda: True)
        with self.assertRaisesRegex(ValueError, "already"):
            checks.add("database", lambda: True)


class Probe(unittest.TestCase):
    # guide: G232
    def test_an_external_api_by_http(self) -> None:
        answers: dict[str, tuple[int, str, bytes]] = {
            "/up": (200, "text/plain", b"hello"), "/fails": (500, "text/plain", b""),
            "/moved": (302, "text/plain", b""),
            "/said": (200, "application/json", b'{"status":"healthy","components":{"db":false}}'),
            "/other": (200, "application/json", b'[1]'), "/broken": (200, "application/json", b'{')}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802
                status, kind, body = answers[self.path.partition("?")[0]]
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        want = {"/up?zone=NO2": "healthy", "/fails": "unhealthy", "/moved": "unhealthy", "/said": "unhealthy",
                "/other": "healthy", "/broken": "healthy"}
        self.assertEqual({path: health.http_probe(url + path)()["status"] for path in want}, want)
        with self.assertRaises(ValueError):
            health.http_probe("file:///etc/passwd")


class Middleware(unittest.TestCase):
    def through(self, chunks: list[bytes], status: int = 200, path: str = "/health", method: str = "GET") -> tuple[
            int, dict[bytes, bytes], bytes]:
        sent: list[dict] = []

        async def app(scope: dict, receive: object, send: Callable) -> None:
            await send({"type": "http.response.start", "status": status, "headers": [
                (b"content-type", b"application/json"), (b"content-length", str(sum(map(len, chunks))).encode())]})
            for index, chunk in enumerate(chunks):
                await send({"type": "http.response.body", "body": chunk, "more_body": index + 1 < len(chunks)})

        async def send(message: dict) -> None:
            sent.append(message)

        scope = {"type": "http", "path": path, "method": method}
        asyncio.run(HealthMiddleware(app)(scope, None, send))
        body = b"".join(message["body"] for message in sent[1:])
        self.assertFalse(sent[-1].get("more_body"))
        return sent[0]["status"], dict(sent[0]["headers"]), body

    # guide: G228
    def test_an_unhealthy_body_is_a_503(self) -> None:
        text = b'{"status":"healthy","components":{"database":{"status":"unhealthy"},"cache":true}}'
        for chunks in ([text], [text[:10], text[10:], b""]):
            status, headers, body = self.through(chunks)
            self.assertEqual(status, 503)
            self.assertEqual(json.loads(body)["status"], "unhealthy")
            self.assertEqual(headers[b"content-length"], str(len(body)).encode())

    def test_a_late_component_is_degraded(self) -> None:
        status, _, body = self.through([b'{"status":"healthy","components":{"database":"degraded"}}'])
        self.assertEqual((status, json.loads(body)["status"]), (200, "degraded"))

    def test_everything_else_passes_as_it_is(self) -> None:
        healthy = b'{"status": "healthy",  "components": {"database": true}}'
        bad = b'{"status":"unhealthy"}'
        large = b'{"status":"unhealthy","pad":"' + b"x" * (2 << 20)
        rows = [
            ([healthy], 200, "/health", "GET"), ([bad], 200, "/other", "GET"), ([bad], 500, "/health", "GET"),
            ([bad], 200, "/health", "POST"), ([b"[false]"], 200, "/health", "GET"), ([b"{"], 200, "/health", "GET"),
            ([b""], 200, "/health", "HEAD"), ([large, b'"}'], 200, "/health", "GET")]
        for chunks, status, path, method in rows:
            with self.subTest(path=path, method=method, body=chunks[0][:30]):
                got = self.through(chunks, status, path, method)
                self.assertEqual((got[0], got[2]), (status, b"".join(chunks)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
