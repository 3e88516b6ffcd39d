"""Scrapes, discovery and alerts with OAuth2 tokens, from a token server that also misbehaves."""

import base64
import http.server
import json
import threading
import time
import unittest
import urllib.parse
from collections.abc import Callable

from harness import EndToEndTest, wait_until

SECRET = "hunter2-of-kilowatch"
CONFIG = """\
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
collectors: {{host: {{enabled: false}}, process: {{enabled: false}}}}
scrape_configs:
  - job_name: api
    oauth2: &oauth2
      client_id: kilowatch
      client_secret: {secret}
      token_url: http://{address}/token?tenant=1
      scopes: [read]
    static_configs: [{{targets: ['{address}']}}]
  - job_name: found
    http_sd_configs:
      - url: http://{address}/targets
        refresh_interval: 1s
        oauth2: *oauth2
alerting:
  alertmanagers:
    - oauth2: *oauth2
      static_configs: [{{targets: ['{address}']}}]
rule_files: [rules.yml]
"""
RULES = "groups: [{name: g, interval: 1s, rules: [{alert: Always, expr: vector(1)}]}]\n"


class Platform:
    """Gives tokens, and wants them on every other path."""

    def __init__(self) -> None:
        self.token_requests: list[dict] = []
        self.answered: dict[str, int] = {}  # path: requests with the token
        self.refused = 0
        self.token_answer: Callable[[], tuple[int, bytes]] | None = None
        platform = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, status: int, body: bytes, content_type: str = "application/json") -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self) -> None:  # noqa: N802 (the base class's name)
                path = urllib.parse.urlsplit(self.path).path
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                if path == "/token":
                    want = "Basic " + base64.b64encode(f"kilowatch:{SECRET}".encode()).decode()
                    if self.headers["Authorization"] != want:  # tried after the header's failure
                        self.answer(401, b'{"error": "invalid_client"}')
                        return
                    platform.token_requests.append(dict(urllib.parse.parse_qsl(body.decode())))
                    if platform.token_answer:
                        self.answer(*platform.token_answer())
                        return
                    self.answer(200, json.dumps({"access_token": "t1", "expires_in": 3600}).encode())
                elif self.headers["Authorization"] != "Bearer t1":
                    platform.refused += 1
                    self.answer(401, b"{}")
                else:
                    platform.answered[path] = platform.answered.get(path, 0) + 1
                    if path == "/targets":
                        self.answer(200, json.dumps([{"targets": ["127.0.0.1:1"]}]).encode())
                    else:
                        self.answer(200, b"jobs_done 3\n", "text/plain; version=0.0.4")

            do_POST = do_GET  # noqa: N815 (the base class's name)

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class OAuth2(EndToEndTest):
    def start(self, platform: Platform):
        self.stack.callback(platform.close)
        folder = self.folder / "kw"
        folder.mkdir()
        (folder / "rules.yml").write_text(RULES, encoding="utf-8")
        return self.serve(CONFIG.format(address=platform.address, secret=SECRET))

    def test_everything_goes_out_with_one_token(self) -> None:
        platform = Platform()
        server = self.start(platform)
        wait_until(lambda: server.query('jobs_done{job="api"}'), "the target is scraped")
        wait_until(lambda: platform.answered.get("/targets"), "discovery has the token")
        wait_until(lambda: platform.answered.get("/api/v2/alerts"), "alerts have the token")
        self.assertEqual(platform.token_requests, [{"grant_type": "client_credentials", "scope": "read"}])
        self.assertEqual(platform.refused, 0)
        shown = json.dumps(server.get("/api/v1/status/config")) + server.process.log()
        self.assertIn("oauth2", shown)
        self.assertNotIn(SECRET, shown)

    def test_a_token_server_that_misbehaves_is_in_the_targets_error(self) -> None:
        platform = Platform()
        answers = {
            "it answered with status 500": lambda: (500, b"boom"),
            "its answer is not a JSON object": lambda: (200, b"<html>"),
            "1048576 bytes": lambda: (200, b"x" * (2 << 20)),
            "within 1000 ms": lambda: (time.sleep(3), (500, b"late"))[1],
        }

        def error() -> str:
            targets = server.get("/api/v1/targets", scrapePool="api")["activeTargets"]
            return targets[0]["lastError"]

        for want, answer in answers.items():
            with self.subTest(want):
                platform.token_answer = answer
                if want == next(iter(answers)):
                    server = self.start(platform)
                wait_until(lambda want=want: want in error(), want)
                self.assertIn(f"oauth2: no token from http://{platform.address}/token", error())
                self.assertNotIn("tenant", error())
                self.assertNotIn(SECRET, error())
        platform.token_answer = None
        wait_until(lambda: server.query('jobs_done{job="api"}'), "it recovers")


if __name__ == "__main__":
    unittest.main()
