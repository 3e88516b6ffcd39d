"""Notifications of a running server: a rule's alert arrives at local receivers that speak as PagerDuty, Slack and a
webhook do, misbehave at first, and hear of the end; what a kill interrupts is sent again under the same key."""

import http.server
import json
import threading
import unittest
import urllib.request

from harness import EndToEndTest, wait_until

CONFIG = """\
global: {{scrape_interval: 200ms, evaluation_interval: 200ms}}
rule_files: [rules.yml]
collectors: {{host: {{enabled: false}}, process: {{enabled: false}}}}
scrape_configs:
  - job_name: api
    static_configs: [{{targets: ['{address}']}}]
"""

RULES = """\
groups:
  - name: api
    rules:
      - alert: HighErrorRate
        expr: error_rate > 0.1
        labels: {severity: critical}
        annotations: {summary: High error rate detected}
"""

ALERTMANAGER = """\
route:
  receiver: everyone
  group_by: [alertname]
  group_wait: 100ms
  group_interval: 10s
  repeat_interval: 4h
receivers:
  - name: everyone
    pagerduty_configs:
      - routing_key: 0123456789abcdef0123456789abcdef
        url: {url}/v2/enqueue
        severity: '{{{{ .CommonLabels.severity }}}}'
        description: '{{{{ .CommonAnnotations.summary }}}}'
    slack_configs:
      - api_url: {url}/slack
        channel: '#alerts'
        send_resolved: true
        text: '{{{{ .CommonAnnotations.summary }}}}'
    webhook_configs:
      - url: {url}/hook
"""


class Receivers:
    """A server of HTTP that keeps what it is sent; the first `failures` posts to a path are answered with 503."""

    def __init__(self, failures: int = 0) -> None:
        self.posts: list[tuple[str, dict]] = []
        self.hangs = threading.Event()  # set: nothing is answered
        seen: dict[str, int] = {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                seen[self.path] = seen.get(self.path, 0) + 1
                if seen[self.path] <= failures:
                    self.send_response(503)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                outer.posts.append((self.path, body))
                if outer.hangs.is_set():
                    self.close_connection = True
                    threading.Event().wait(120)
                    return
                self.send_response(200)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_arguments: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def of(self, path: str) -> list[dict]:
        return [body for where, body in list(self.posts) if where == path]


class Notifications(EndToEndTest):
    def start(self, receivers: Receivers):
        self.rate = 0.0
        target = self.exporter(lambda: f"error_rate {self.rate}\n")
        folder = self.folder / "kw"
        folder.mkdir()
        (folder / "rules.yml").write_text(RULES, encoding="utf-8")
        path = folder / "alertmanager.yml"
        path.write_text(ALERTMANAGER.format(url=receivers.url), encoding="utf-8")
        self.stack.callback(receivers.server.shutdown)
        return self.serve(CONFIG.format(address=target.address), [f"--alertmanager.config.file={path}"])

    # guide: G113
    def test_a_rules_alert_arrives_everywhere_and_so_does_its_end(self) -> None:
        receivers = Receivers(failures=1)
        server = self.start(receivers)
        self.rate = 0.5
        for path in ("/v2/enqueue", "/slack", "/hook"):
            wait_until(lambda path=path: receivers.of(path), f"{path} is told", 120)
        event = receivers.of("/v2/enqueue")[0]
        self.assertEqual(event["event_action"], "trigger")
        self.assertEqual(event["payload"]["summary"], "High error rate detected")
        self.assertEqual(event["payload"]["severity"], "critical")
        message = receivers.of("/slack")[0]
        self.assertEqual(message["channel"], "#alerts")
        self.assertEqual(message["attachments"][0]["text"], "High error rate detected")
        self.assertTrue(message["attachments"][0]["title"].startswith("[FIRING:1] HighErrorRate"))
        hook = receivers.of("/hook")[0]
        self.assertEqual((hook["version"], hook["status"], len(hook["alerts"])), ("4", "firing", 1))
        self.rate = 0.0
        wait_until(lambda: any(e["event_action"] == "resolve" for e in receivers.of("/v2/enqueue")),
                   "PagerDuty hears of the end", 120)
        self.assertEqual(receivers.of("/v2/enqueue")[-1]["dedup_key"], event["dedup_key"])
        wait_until(lambda: receivers.of("/hook")[-1]["status"] == "resolved", "the webhook hears of the end", 120)
        with urllib.request.urlopen(server.url + "/metrics", timeout=30) as answer:
            metrics = answer.read().decode()
        self.assertIn('alertmanager_notification_requests_failed_total{integration="slack"', metrics)

    def test_what_a_kill_interrupts_is_sent_again_under_the_same_key(self) -> None:
        receivers = Receivers()
        receivers.hangs.set()
        server = self.start(receivers)
        self.rate = 0.5
        wait_until(lambda: receivers.of("/v2/enqueue"), "the first attempt is under way", 120)
        receivers.hangs.clear()
        server.kill()
        self.restart(server)
        wait_until(lambda: len(receivers.of("/v2/enqueue")) >= 2, "it is sent again", 120)
        first, second = receivers.of("/v2/enqueue")[:2]
        self.assertEqual(first["dedup_key"], second["dedup_key"])


if __name__ == "__main__":
    unittest.main()
