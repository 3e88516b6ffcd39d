"""A flood of alerts from outside: what is over the limit is refused with the mend, counted and logged; memory is bounded,
the server answers meanwhile, and the alerts of our own rules go on being told of."""

import http.server
import json
import pathlib
import re
import threading
import time
import unittest

from harness import EndToEndTest, wait_until

LIMIT = 100_000
BATCH = 5_000
BATCHES = 22  # 110 000 alerts
MEMORY_MB = 1_500

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
"""

ALERTMANAGER = """\
route:
  receiver: flooded
  group_by: [alertname]
  group_wait: 200ms
  group_interval: 1s
  routes:
    - matchers: ['alertname = HighErrorRate']
      receiver: rules
receivers:
  - name: flooded
    webhook_configs: [{{url: '{url}/flooded', max_alerts: 10}}]
  - name: rules
    webhook_configs: [{{url: '{url}/rules'}}]
"""


class Receiver:
    def __init__(self) -> None:
        self.statuses: dict[str, list[str]] = {"/flooded": [], "/rules": []}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # noqa: N802 (the base class's name)
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.statuses[self.path].append(body["status"])
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


class Flood(EndToEndTest):
    def test_it_is_bounded_and_reported_and_others_are_told(self) -> None:
        receiver = Receiver()
        self.stack.callback(receiver.server.shutdown)
        self.rate = 0.0
        target = self.exporter(lambda: f"error_rate {self.rate}\n")
        folder = self.folder / "kw"
        folder.mkdir()
        (folder / "rules.yml").write_text(RULES, encoding="utf-8")
        path = folder / "alertmanager.yml"
        path.write_text(ALERTMANAGER.format(url=receiver.url), encoding="utf-8")
        server = self.serve(CONFIG.format(address=target.address),
                            [f"--alertmanager.config.file={path}", "--rules.alert.resend-delay=1s"])

        def memory_mb() -> float:
            status = pathlib.Path(f"/proc/{server.process.popen.pid}/status").read_text(encoding="utf-8")
            return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024

        slowest, looks, is_flooding = 0.0, 0, True

        def look() -> None:
            nonlocal slowest, looks
            while is_flooding:
                began = time.monotonic()
                self.assertEqual(server.status("/-/ready"), 200)
                self.assertEqual(server.query("vector(1)")[0]["value"][1], "1")
                slowest = max(slowest, time.monotonic() - began)
                looks += 1
                time.sleep(0.05)

        looking = threading.Thread(target=look)
        looking.start()
        refused, answers, peak = 0, [], 0.0
        began = time.monotonic()
        for batch in range(BATCHES):
            alerts = [{"labels": {"alertname": f"Flood{i % 7}", "id": str(batch * BATCH + i)},
                       "annotations": {"summary": "one of very many alerts that somebody sends by mistake"},
                       "endsAt": "2099-01-01T00:00:00Z"} for i in range(BATCH)]
            status, answer, _ = server.request("/api/v2/alerts", json.dumps(alerts).encode(),
                                               {"Content-Type": "application/json"})
            if status != 200:
                answers.append((status, answer.decode()))
            peak = max(peak, memory_mb())
            if batch == BATCHES // 2:
                self.rate = 0.5
        took = time.monotonic() - began
        is_flooding = False
        looking.join()
        self.assertGreater(looks, 0)
        # What was over the limit is refused, and says what to do.
        for status, text in answers:
            self.assertEqual(status, 503)
            self.assertIn("end or stop what floods", text)
            refused += int(re.search(r"(\d+) alerts refused", text).group(1))
        # The rule's alert takes one of the places.
        self.assertIn(refused - (BATCHES * BATCH - LIMIT), (0, 1))
        metrics = server.request("/metrics")[1].decode()
        self.assertIn(f"alertmanager_alerts_limited_total {refused}\n", metrics)
        self.assertEqual(server.process.log().count("alerts are refused: there are too many"), 1)
        # Others are told of, and the flood is.
        wait_until(lambda: "firing" in receiver.statuses["/rules"], "the rule's alert is told of", 120)
        wait_until(lambda: receiver.statuses["/flooded"], "the flood is told of", 120)
        self.rate = 0.0
        wait_until(lambda: "resolved" in receiver.statuses["/rules"], "its end is told of", 120)
        peak = max(peak, memory_mb())
        print(f"{BATCHES * BATCH} alerts in {took:.1f} s, {refused} refused; {peak:.0f} MB at most, "
              f"slowest answer {slowest:.2f} s")
        self.assertLess(peak, MEMORY_MB)
        self.assertLess(slowest, 20)


if __name__ == "__main__":
    unittest.main(verbosity=2)
