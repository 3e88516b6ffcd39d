"""Alerts to other Alertmanagers: Debian's, found in a file; one that hangs and one that refuses delay nobody; resolved
alerts arrive; what the API and the series say."""

import http.server
import json
import subprocess
import threading
import time
import unittest

from harness import EndToEndTest, free_port, wait_until

CONFIG = """\
global: {{scrape_interval: 200ms, evaluation_interval: 200ms, external_labels: {{zone: eu, replica: a}}}}
rule_files: [rules.yml]
collectors: {{host: {{enabled: false}}, process: {{enabled: false}}}}
alerting:
  alert_relabel_configs: [{{regex: replica, action: labeldrop}}]
  alertmanagers:
    - file_sd_configs: [{{files: [alertmanagers.json]}}]
      path_prefix: /am
      relabel_configs: [{{source_labels: [role], regex: spare, action: drop}}]
    - static_configs: [{{targets: ['{hanging}', '{refusing}']}}]
      timeout: 3s
scrape_configs:
  - job_name: api
    static_configs: [{{targets: ['{target}']}}]
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


class Receiver:
    """An Alertmanager that misbehaves: it answers with `status` after `delay` seconds, and keeps what it was sent."""

    def __init__(self, status: int = 200, delay: float = 0):
        self.batches: list[list[dict]] = []
        self.gone = threading.Event()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # noqa: N802 (the base class's name)
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.batches.append(json.loads(body))
                receiver.gone.wait(delay)
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                except OSError:
                    pass  # the sender did not wait

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.gone.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Forward(EndToEndTest):
    def receiver(self, **options) -> Receiver:
        receiver = Receiver(**options)
        self.stack.callback(receiver.close)
        return receiver

    def alertmanager(self) -> str:
        """Debian's Alertmanager; its address once it answers."""
        folder = self.folder / "am"
        folder.mkdir()
        (folder / "alertmanager.yml").write_text("{route: {receiver: x}, receivers: [{name: x}]}\n", encoding="utf-8")
        address = f"127.0.0.1:{free_port()}"
        self.program("alertmanager", ["prometheus-alertmanager", f"--config.file={folder}/alertmanager.yml",
                                      f"--storage.path={folder}/data", f"--web.listen-address={address}",
                                      "--web.route-prefix=/am", "--cluster.listen-address="])
        wait_until(lambda: self.amtool(address, "config", "show"), "Alertmanager answers", 60)
        return address

    @staticmethod
    def amtool(address: str, *arguments: str) -> str:
        done = subprocess.run(["amtool", f"--alertmanager.url=http://{address}/am", *arguments],
                              capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise AssertionError(f"amtool ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def alerts(self, address: str) -> dict[str, dict]:
        found = json.loads(self.amtool(address, "alert", "query", "-o", "json"))
        return {alert["labels"]["alertname"]: alert for alert in found}

    def test_alerts_reach_every_alertmanager_that_works(self) -> None:
        rate = {"now": 0.5}
        target = self.exporter(lambda: f"error_rate {rate['now']}\n")
        hanging = self.receiver(delay=600)
        refusing = self.receiver(status=500)
        address = self.alertmanager()
        folder = self.folder / "kw"
        folder.mkdir()
        (folder / "rules.yml").write_text(RULES, encoding="utf-8")
        found = folder / "alertmanagers.json"
        found.write_text("[]", encoding="utf-8")
        server = self.serve(CONFIG.format(hanging=hanging.address, refusing=refusing.address, target=target.address),
                            ["--rules.alert.resend-delay=1s"])
        wait_until(lambda: hanging.batches, "the one that hangs is asked", 60)
        found.write_text(json.dumps([
            {"targets": [address]}, {"targets": ["127.0.0.1:9"], "labels": {"role": "spare"}}]), encoding="utf-8")

        wait_until(lambda: "HighErrorRate" in self.alerts(address), "the alert arrives at Debian's Alertmanager", 60)
        alert = self.alerts(address)["HighErrorRate"]
        self.assertEqual(alert["labels"]["zone"], "eu")
        self.assertNotIn("replica", alert["labels"])
        self.assertEqual(alert["annotations"], {"summary": "High error rate detected"})
        self.assertIn("/graph?g0.expr=error_rate%20%3E%200.1", alert["generatorURL"])
        ours = json.loads(server.request("/api/v2/alerts")[1])
        self.assertEqual(ours[0]["labels"], alert["labels"])  # our own side is told the same

        urls = {key: [one["url"] for one in value] for key, value in server.get("/api/v1/alertmanagers").items()}
        self.assertEqual(sorted(urls["activeAlertmanagers"]), sorted([
            f"http://{address}/am/api/v2/alerts", f"http://{hanging.address}/api/v2/alerts",
            f"http://{refusing.address}/api/v2/alerts"]))
        self.assertEqual(urls["droppedAlertmanagers"], ["http://127.0.0.1:9/am/api/v2/alerts"])
        metrics = server.request("/metrics")[1].decode()
        self.assertIn("prometheus_notifications_alertmanagers_discovered 3\n", metrics)
        self.assertIn(f'prometheus_notifications_errors_total{{alertmanager="http://{refusing.address}/api/v2/alerts"}}',
                      metrics)

        rate["now"] = 0.0
        wait_until(lambda: "HighErrorRate" not in self.alerts(address), "the alert is resolved", 60)
        wait_until(lambda: any(batch[0]["endsAt"] <= time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
                               for batch in refusing.batches), "the one that refuses was told of the end as well", 60)


if __name__ == "__main__":
    unittest.main()
