"""Who was told of an alert and why, asked of a running server by the command line: history, tests and acknowledgements of
receivers, the fall-back and the heartbeat of `notifications`, why and simulate."""

import http.server
import json
import subprocess
import threading
import unittest

from harness import BINARY, EndToEndTest, wait_until

CONFIG = """\
global: {{scrape_interval: 200ms, evaluation_interval: 200ms, external_labels: {{zone: eu}}}}
rule_files: [rules.yml]
collectors: {{host: {{enabled: false}}, process: {{enabled: false}}}}
scrape_configs:
  - job_name: api
    static_configs: [{{targets: ['{address}']}}]
notifications:
  fallback_receiver: mail
  heartbeat: {{receiver: watchdog, interval: 1s}}
alertmanager:
  route:
    receiver: mail
    group_by: [alertname]
    group_wait: 100ms
    group_interval: 10s
    routes:
      - receiver: pager
        matchers: ['severity = critical']
  receivers:
    - name: pager
      pagerduty_configs: [{{routing_key: key, url: '{url}/v2/enqueue'}}]
      webhook_configs: [{{url: '{url}/refuses'}}]
    - name: mail
      webhook_configs: [{{url: '{url}/mail'}}]
    - name: watchdog
      webhook_configs: [{{url: '{url}/alive'}}]
"""

RULES = """\
groups:
  - name: api
    rules:
      - alert: HighErrorRate
        expr: error_rate > 0.1
        keep_firing_for: 1h  # a scrape that a busy machine missed does not end it
        labels: {severity: critical}
        annotations: {summary: High error rate detected}
      - alert: Slow
        expr: error_rate > 0.1
        for: 1h
"""


class Receivers:
    """Keeps what it is sent; /refuses answers 400."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, dict]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # noqa: N802 (the base class's name)
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.posts.append((self.path, body))
                self.send_response(400 if self.path == "/refuses" else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def of(self, path: str) -> list[dict]:
        return [body for where, body in list(self.posts) if where == path]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class AlertStory(EndToEndTest):
    def kilowatch(self, *arguments: str, code: int = 0) -> str:
        done = subprocess.run([BINARY, *arguments[:2], f"--server={self.server.url}", *arguments[2:]],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def history(self, *filters: str) -> list[dict]:
        return json.loads(self.kilowatch("notify", "history", "--format=json", *filters))["notifications"]

    def test_the_life_of_an_alert_from_its_rule_to_the_answers(self) -> None:
        receivers = Receivers()
        self.stack.callback(receivers.close)
        target = self.exporter(lambda: "error_rate 0.5\n")
        folder = self.folder / "kw"
        folder.mkdir()
        (folder / "rules.yml").write_text(RULES, encoding="utf-8")
        self.server = self.serve(CONFIG.format(address=target.address, url=receivers.url))

        wait_until(lambda: receivers.of("/v2/enqueue"), "the pager is told", 60)
        wait_until(lambda: any(one["integration"] == "pagerduty[0]" for one in self.history("--outcome=delivered")),
                   "that is written down", 60)
        wait_until(lambda: self.history("--outcome=refused"), "the other is refused", 60)
        wait_until(lambda: any(body["alerts"][0]["labels"]["alertname"] == "HighErrorRate"
                               for body in receivers.of("/mail")), "the fall-back hears of it", 60)
        wait_until(lambda: len(receivers.of("/alive")) >= 3, "the heart beats", 60)

        refused = self.history("--outcome=refused", "--receiver=pager")[0]
        self.assertEqual(refused["integration"], "webhook[0]")
        self.assertIn("400", refused["answer"])
        fingerprint = refused["fingerprints"][0]
        self.assertIn("pagerduty[0]", self.kilowatch("notify", "history", "--fingerprint", fingerprint))

        story = json.loads(self.kilowatch("alert", "why", "--format=json", "--fingerprint", fingerprint))
        self.assertEqual(story["state"], "firing")
        self.assertEqual(story["labels"], {"alertname": "HighErrorRate", "instance": target.address, "job": "api",
                                           "severity": "critical", "zone": "eu"})
        self.assertEqual([node["matchers"] for node in story["routes"][0]["path"]], ["{}", '{severity="critical"}'])
        steps = [step["what"] for step in story["timeline"]]
        self.assertLess(steps.index("pending"), steps.index("delivered"))
        self.assertIn("refused", steps)
        shown = self.kilowatch("alert", "why", "alertname=HighErrorRate", f"instance={target.address}", "job=api",
                               "severity=critical")  # as the rule says it, without the external label
        self.assertIn(f"firing {fingerprint}", shown)
        self.assertIn('receiver pager by {} > {severity="critical"}', shown)
        wait_until(lambda: "! it is pending: rule Slow fires after 1h" in self.kilowatch(
            "alert", "why", "alertname=Slow", f"instance={target.address}", "job=api"), "it is pending", 60)

        self.kilowatch("notify", "acknowledge", "--fingerprint", fingerprint)
        events = receivers.of("/v2/enqueue")
        self.assertEqual(events[-1]["event_action"], "acknowledge")
        self.assertEqual(events[-1]["dedup_key"], events[0]["dedup_key"])

        self.assertIn("pager", self.kilowatch("notify", "receivers"))
        self.kilowatch("notify", "test", "mail")
        self.assertIn("no ", self.kilowatch("notify", "test", "pager", code=1))
        self.assertIn("there is no receiver", self.kilowatch("notify", "test", "nobody", code=1))

        body = {"matchers": [{"name": "job", "value": "db", "isRegex": False, "isEqual": True}],
                "startsAt": "2020-01-01T00:00:00Z", "endsAt": "2099-01-01T00:00:00Z",
                "createdBy": "anna", "comment": "works"}
        self.assertEqual(self.server.request("/api/v2/silences", json.dumps(body).encode(),
                                             {"Content-Type": "application/json"})[0], 200)
        told = self.kilowatch("alert", "simulate", "alertname=Disk", "severity=critical", "job=api")
        self.assertIn("pagerduty[0], webhook[0]", told)
        self.assertRegex(told, r"messages: 12\n")  # the first, and every 4 h: 6 in a day to each
        silenced = self.kilowatch("alert", "simulate", "alertname=Disk", "severity=critical", "job=db")
        self.assertIn("messages: 0", silenced)
        self.assertIn("(works) until 2099-01-01T00:00:00Z", silenced)
        self.assertIn("write a label as name=value", self.kilowatch("alert", "simulate", "nonsense", code=1))

        # Another receiver that is not there: the old configuration stays.
        self.server.config_path.write_text(self.server.config_path.read_text(encoding="utf-8").replace(
            "fallback_receiver: mail", "fallback_receiver: post"), encoding="utf-8")
        status, message, _ = self.server.request("/-/reload", b"")
        self.assertEqual(status, 500)
        self.assertRegex(message.decode(),
                         r"prometheus.yml:8: notifications.fallback_receiver: \"post\" is not a receiver; add it")


if __name__ == "__main__":
    unittest.main()
