"""Incidents of a running server: an alert of its own rules opens one with its timeline, people work on it by the API and
the command line, a kill in between loses nothing, and the post-mortem is drafted when it is over."""

import http.client
import json
import subprocess
import threading
import unittest
import urllib.request

from harness import BINARY, EndToEndTest, Exporter, wait_until

CONFIG = """\
global: {{scrape_interval: 200ms, evaluation_interval: 200ms}}
rule_files: [rules.yml]
collectors: {{host: {{enabled: false}}, process: {{scrape_interval: 500ms}}}}
incidents:
  classes:
    - name: Forecast errors
      matchers: ['alertname = HighErrorRate']
      severity: High
      runbook: [Look at the last deployment, Roll back]
      checks: ['error_rate < bool 0.1']
alertmanager:
  route: {{receiver: default, group_by: [alertname], group_wait: 100ms}}
  receivers: [{{name: default}}]
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
        labels: {severity: critical, service: api}
        annotations: {summary: High error rate detected}
"""


class Incidents(EndToEndTest):
    def setUp(self) -> None:
        super().setUp()
        self.version, self.fault, self.error_rate = "1", 0, 0.01
        self.exporter = Exporter(self.body)
        self.addCleanup(self.exporter.close)
        (self.folder / "kw").mkdir()
        (self.folder / "kw" / "rules.yml").write_text(RULES, encoding="utf-8")
        self.server = self.serve(CONFIG.format(address=self.exporter.address))

    def body(self) -> str:
        return (f'build_info{{version="{self.version}"}} 1\nfault_active{{fault="errors"}} {self.fault}\n'
                f"error_rate {self.error_rate}\n")

    def post(self, path: str, want: int = 200, **body: object) -> dict:
        status, answer, _ = self.server.request(
            f"/api/kw/v1/incidents{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
        self.assertEqual(status, want, answer)
        return json.loads(answer)

    def incident(self, name: str) -> dict:
        return self.server.get(f"/api/kw/v1/incidents/{name}")

    def command(self, *arguments: str, want: int = 0) -> str:
        done = subprocess.run([BINARY, "incident", *arguments, "--server", self.server.url],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, want, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def break_it(self) -> None:
        """A new version is deployed, a fault begins, then errors: in that order, each seen by a scrape."""
        wait_until(lambda: self.server.query('build_info{version="1"}'), "the old version is seen")
        self.version = "2"
        wait_until(lambda: self.server.query('build_info{version="2"}'), "the new version is seen")
        self.fault = 1
        wait_until(lambda: self.server.series_value("fault_active") == 1, "the fault is seen")
        self.error_rate = 0.4

    def open_incident(self) -> dict:
        return wait_until(lambda: self.server.get("/api/kw/v1/incidents", status="open")["incidents"][0],
                          "an incident is open", 60)

    # guide: G037, G097, G108, G111, G115, G118, G120, G121, G123, P13
    def test_from_an_alert_to_a_postmortem_over_a_kill(self) -> None:
        self.break_it()
        opened = self.open_incident()
        self.assertEqual(opened["severity"], "SEV2")  # by its class, though its label is critical
        self.assertEqual(opened["severityReason"], "class Forecast errors")
        self.assertEqual(opened["impact"]["services"], ["api"])
        self.assertEqual(opened["phase"], "detection")

        def kinds(timeline: dict) -> set[str]:
            return {entry["kind"] for entry in timeline["entries"]}

        wait_until(lambda: self.incident("INC-1")["timeline"], "a timeline is gathered by itself")
        wait_until(lambda: {"alert", "deploy", "fault"} <= kinds(self.post("/INC-1/timeline")["data"]),
                   "the timeline has what happened", 60)
        titles = [entry["title"] + ": " + entry["detail"] for entry in self.incident("INC-1")["timeline"]["entries"]]
        self.assertTrue(any("version 1 → 2" in title for title in titles), titles)

        self.assertIn("assessment", self.command("ack", "INC-1", "--by", "anna"))
        before = self.incident("INC-1")["incident"]
        self.server.kill()
        self.restart(self.server)
        after = self.incident("INC-1")
        self.assertEqual(after["incident"], before)
        self.assertEqual(len(self.server.get("/api/kw/v1/incidents")["incidents"]), 1)
        self.assertIn("fault", kinds(after["timeline"]))

        # What cannot be done yet is refused, and says why.
        refused = self.post("/INC-1/resolve", want=422, by="anna")
        self.assertIn("1 of its alerts fires", refused["error"])
        self.assertIn("check error_rate < bool 0.1 is not green", refused["error"])
        self.assertIn("is a jump over phases", self.command("move", "INC-1", "resolution", want=1))
        self.command("move", "INC-1", "mitigation", "--by", "anna")
        self.post("/INC-1/runbook", step=1, done=True, by="anna")
        self.post("/INC-1/link", kind="change", title="Roll back to 1", url="https://example.com/1", by="anna")
        self.version, self.fault, self.error_rate = "1", 0, 0.01
        wait_until(lambda: "restoredAt" in self.incident("INC-1")["incident"], "the alert ends", 60)
        self.command("move", "INC-1", "resolution", "--by", "anna")
        self.command("resolve", "INC-1", "--by", "anna")
        draft = wait_until(lambda: self.incident("INC-1")["incident"]["postmortem"], "the post-mortem is drafted")
        for want in ["# Post-mortem INC-1: HighErrorRate in api", "version 1 → 2", "fault errors begins",
                     "[x] Roll back", "change: Roll back to 1", "anna"]:
            self.assertIn(want, draft)
        self.assertEqual(self.command("postmortem", "INC-1"), draft)
        self.post("/INC-1/action", text="Test deployments", owner="ben", due="2027-01-31", rule="HighErrorRate")
        # The rule that verifies it is one that is there, and is looked up.
        refused = self.post("/INC-1/action", want=400, text="Alert earlier", rule="HighErorRate")
        self.assertIn('no alerting rule "HighErorRate"; the nearest is "HighErrorRate"', refused["error"])
        verdict = self.incident("INC-1")["actionRules"][0]
        self.assertEqual((verdict["action"], verdict["rule"], verdict["exists"]), (1, "HighErrorRate", True))
        self.assertNotIn("firedSinceDone", verdict)
        wait_until(lambda: self.incident("INC-1")["actionRules"][0]["state"] == "inactive", "the rule is quiet", 60)
        self.post("/INC-1/action", id=1, done=True)
        self.assertFalse(self.incident("INC-1")["actionRules"][0]["firedSinceDone"])
        self.assertIn("closed", self.command("close", "INC-1", "--by", "anna"))
        self.assertEqual(self.incident("INC-1")["incident"]["status"], "closed")
        # The mean times are series, in the store by the server's own collector.
        for name in ["mttd", "mtta", "mttr"]:
            wait_until(lambda name=name: self.server.query(f'kilowatch_incident_{name}_seconds{{severity="SEV2"}}'),
                       f"{name} is a series")

    # guide: G103, G109, G110
    def test_by_hand_by_webhook_and_by_command(self) -> None:
        self.assertIn("no incidents", self.command("list"))
        self.assertIn("INC-1    SEV4 Low", self.command(
            "open", "The page is in the wrong colour", "--severity", "Low", "--service", "docs", "--by", "anna"))
        answer = self.post("/webhook", title="Checkout fails", severity="critical", service="shop")["data"]
        self.assertEqual(answer["incidents"][0]["severity"], "SEV1")
        self.assertEqual(answer["incidents"][0]["source"], "webhook")
        # A SEV1 that no alert of ours tells of is told of through the routes; a SEV4 is not.
        pages = wait_until(lambda: [
            alert["labels"] for alert in json.loads(self.server.request("/api/v2/alerts")[1])
            if alert["labels"]["alertname"] == "IncidentOpen"], "the page is there")
        self.assertEqual([page["incident"] for page in pages], ["INC-2"])
        listed = self.command("list", "--status", "open", "--severity", "SEV1")
        self.assertIn("INC-2", listed)
        self.assertNotIn("INC-1", listed)
        self.command("comment", "INC-2", "the card terminal is down", "--by", "ben")
        self.command("assign", "INC-2", "cleo", "--role", "commander")
        self.command("snooze", "INC-2", "1h")
        shown = self.command("show", "INC-2")
        self.assertIn("ben (comment): the card terminal is down", shown)
        self.assertIn("commander", shown)
        self.post("/webhook", title="Checkout fails", severity="critical", service="shop", status="resolved")
        self.assertIn("restoredAt", self.incident("INC-2")["incident"])
        self.assertIn("INC-99", self.command("show", "INC-99", want=1))
        self.assertIn("is no severity", self.post("", want=400, title="x", severity="terrible")["error"])
        self.assertIn("there are acknowledge, move", self.post("/INC-2/explode", want=404)["error"])

    def test_kills_at_any_moment_lose_nothing_that_was_answered(self) -> None:
        answered = []
        for _ in range(3):
            stop = threading.Event()

            def write(stop: threading.Event = stop) -> None:
                while not stop.is_set():
                    title = f"incident {len(answered)}"
                    request = urllib.request.Request(
                        self.server.url + "/api/kw/v1/incidents",
                        json.dumps({"title": title, "severity": "SEV4"}).encode(),
                        {"Content-Type": "application/json"})
                    try:
                        with urllib.request.urlopen(request, timeout=30) as answer:
                            answered.append((json.load(answer)["data"]["id"], title))
                    except (OSError, http.client.HTTPException, ValueError):
                        return

            count = len(answered)
            writer = threading.Thread(target=write)
            writer.start()
            wait_until(lambda count=count: len(answered) > count + 5, "some are written")
            self.server.kill()
            stop.set()
            writer.join()
            self.restart(self.server)
            there = {one["id"]: one["title"] for one in
                     self.server.get("/api/kw/v1/incidents", limit=10000)["incidents"]}
            for number, title in answered:
                self.assertEqual(there.get(number), title)


if __name__ == "__main__":
    unittest.main()
