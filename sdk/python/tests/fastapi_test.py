"""The guide's health snippet, verbatim, in a FastAPI application under uvicorn, asked over HTTP.

Needs Debian's python3-fastapi and python3-uvicorn, which only /usr/bin/python3 sees; without them it is skipped.
"""

import http.client
import json
import threading
import time
import unittest

from kilowatch import HealthChecks, HealthMiddleware

try:
    import fastapi
    import uvicorn
except ImportError:
    fastapi = uvicorn = None

SNIPPET = '''
@app.get("/health")
async def health_check():
    return {
        "status": "healthy",
        "components": {
            "database": await check_db(),
            "cache": await check_cache(),
            "model": await check_model()
        }
    }
'''


@unittest.skipIf(fastapi is None, "this python3 has no FastAPI; ./kw test installs Debian's for /usr/bin/python3")
class GuideSnippet(unittest.TestCase):
    def setUp(self) -> None:
        self.state: dict[str, object] = {"database": True, "cache": "up", "model": {"status": "ok", "version": "7"}}
        self.hang = threading.Event()
        checks = HealthChecks(timeout_seconds=1, cache_seconds=0)

        def checker(name: str) -> object:
            def run() -> object:
                value = self.state[name]
                if isinstance(value, threading.Event):
                    return value.wait(3600)
                if isinstance(value, Exception):
                    raise value
                return value

            return checks.add(name, run)

        app = fastapi.FastAPI()
        app.add_middleware(HealthMiddleware)
        exec(SNIPPET, {"app": app, "check_db": checker("database"), "check_cache": checker("cache"),
                       "check_model": checker("model")})
        self.server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
        self.server.install_signal_handlers = lambda: None  # it runs beside the test, in a thread
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()
        self.addCleanup(self.end)
        deadline = time.monotonic() + 20
        while not self.server.started:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.005)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]

    def end(self) -> None:
        self.hang.set()
        self.server.should_exit = True
        self.thread.join(20)

    def ask(self) -> tuple[int, dict]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", "/health")
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    # guide: G226, P36
    def test_healthy(self) -> None:
        status, body = self.ask()
        self.assertEqual((status, body["status"]), (200, "healthy"))
        self.assertEqual(list(body["components"]), ["database", "cache", "model"])
        self.assertEqual({name: part["status"] for name, part in body["components"].items()},
                         {"database": "healthy", "cache": "healthy", "model": "healthy"})
        self.assertEqual(body["components"]["model"]["version"], "7")

    # guide: G225, G228
    def test_a_component_that_is_down_is_a_503_and_comes_back(self) -> None:
        self.state["database"] = ConnectionRefusedError("no server")
        status, body = self.ask()
        self.assertEqual((status, body["status"]), (503, "unhealthy"))
        self.assertEqual(body["components"]["database"]["reason"], "ConnectionRefusedError: no server")
        self.assertEqual(body["components"]["cache"]["status"], "healthy")
        self.state["database"] = True
        self.assertEqual(self.ask()[0], 200)

    # guide: G233
    def test_a_component_that_hangs_is_degraded(self) -> None:
        self.state["cache"] = self.hang
        started = time.monotonic()
        for _ in range(3):
            status, body = self.ask()
            self.assertEqual((status, body["status"]), (200, "degraded"))
            self.assertEqual(body["components"]["cache"]["status"], "degraded")
            self.assertEqual(body["components"]["database"]["status"], "healthy")
        self.assertLess(time.monotonic() - started, 10)


if __name__ == "__main__":
    unittest.main(verbosity=2)
