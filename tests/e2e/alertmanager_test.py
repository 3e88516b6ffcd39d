"""The Alertmanager side of a running server: amtool, Debian's Prometheus as a sender, silences over a restart,
the own rules' alerts, reload, and a configuration with an error."""

import json
import re
import subprocess
import unittest
import urllib.error
import urllib.request

from harness import BINARY, EndToEndTest, free_port, wait_until

CONFIG = """\
global: {{scrape_interval: 200ms, evaluation_interval: 200ms, external_labels: {{zone: eu}}}}
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
  receiver: default
  group_by: [alertname]
  routes:
    - receiver: database
      matchers: ['team = db']
inhibit_rules:
  - source_matchers: ['severity = critical']
    target_matchers: ['severity = warning']
    equal: [service]
receivers:
  - name: default
  - name: database
    webhook_configs: [{url: 'http://127.0.0.1:9/hook?token=mysecret'}]
"""


def ask(url: str, method: str = "GET", body: object = None) -> tuple[int, str]:
    """Status and body of a request, whatever the status."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class Alertmanager(EndToEndTest):
    def start(self, flags: list[str] | None = None):
        self.rate = 0.0
        target = self.exporter(lambda: f"error_rate {self.rate}\n")
        folder = self.folder / "kw"
        folder.mkdir()
        (folder / "rules.yml").write_text(RULES, encoding="utf-8")
        self.alertmanager_file = folder / "alertmanager.yml"
        self.alertmanager_file.write_text(ALERTMANAGER, encoding="utf-8")
        return self.serve(CONFIG.format(address=target.address),
                          [f"--alertmanager.config.file={self.alertmanager_file}", "--web.enable-lifecycle",
                           *(flags or [])])

    def amtool(self, server, *arguments: str) -> str:
        return self.tool_output(["amtool", f"--alertmanager.url={server.url}", *arguments])

    @staticmethod
    def tool_output(command: list[str]) -> str:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise AssertionError(f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    @staticmethod
    def alerts(server, query: str = "") -> dict[str, dict]:
        """The alerts by name."""
        found = json.loads(ask(server.url + "/api/v2/alerts" + query)[1])
        return {alert["labels"]["alertname"]: alert for alert in found}

    # guide: G003
    def test_amtool_adds_and_asks_for_alerts_and_silences(self) -> None:
        server = self.start()
        self.amtool(server, "alert", "add", "alertname=Disk", "service=pg", "team=db", "severity=critical",
                    "--annotation=summary=disk is full", "--generator-url=http://p/graph")
        self.amtool(server, "alert", "add", "alertname=Slow", "service=pg", "severity=warning")
        self.amtool(server, "alert", "add", "alertname=Other", "service=web", "severity=warning")
        names = [alert["labels"]["alertname"]
                 for alert in json.loads(self.amtool(server, "alert", "query", "-o", "json", "--receiver=.*"))]
        self.assertEqual(sorted(names), ["Disk", "Other"])  # amtool leaves out what is inhibited
        found = self.alerts(server)
        self.assertEqual(found["Slow"]["status"]["state"], "suppressed")
        self.assertEqual(found["Slow"]["status"]["inhibitedBy"], [found["Disk"]["fingerprint"]])
        self.assertEqual(found["Disk"]["receivers"], [{"name": "database"}])
        self.assertEqual(found["Disk"]["annotations"], {"summary": "disk is full"})

        identity = self.amtool(server, "silence", "add", "team=~d.", "--comment=works", "--author=anna",
                               "--duration=2h").strip()
        self.assertRegex(identity, r"^[0-9a-f-]{36}$")
        self.assertIn(identity, self.amtool(server, "silence", "query"))
        self.assertEqual(self.alerts(server)["Disk"]["status"]["silencedBy"], [identity])
        self.assertIn("Disk", self.amtool(server, "alert", "query", "--silenced"))
        server.stop()
        self.restart(server)
        self.assertIn(identity, self.amtool(server, "silence", "query", "-q"))  # it survived
        self.amtool(server, "silence", "expire", identity)
        self.assertNotIn(identity, self.amtool(server, "silence", "query", "-q"))
        self.assertIn(identity, self.amtool(server, "silence", "query", "-q", "--expired"))

        shown = self.amtool(server, "config", "show")
        self.assertIn("receiver: database", shown)
        self.assertNotIn("mysecret", shown)
        routed = self.tool_output(["amtool", "config", "routes", "test",
                                   f"--config.file={self.alertmanager_file}", "team=db"])
        self.assertEqual(routed.strip(), "database")
        self.tool_output(["amtool", "check-config", str(self.alertmanager_file)])
        self.assertIn("SUCCESS", self.tool_output([BINARY, "check", "alertmanager", str(self.alertmanager_file)]))

    # guide: G003, G168, P22
    def test_own_rules_alerts_arrive_and_resolve(self) -> None:
        server = self.start()
        self.rate = 0.5
        wait_until(lambda: "HighErrorRate" in self.alerts(server), "the alert arrives", 60)
        alert = self.alerts(server)["HighErrorRate"]
        self.assertEqual(alert["labels"]["zone"], "eu")
        self.assertEqual(alert["labels"]["severity"], "critical")
        self.assertEqual(alert["annotations"], {"summary": "High error rate detected"})
        self.assertIn("/graph?g0.expr=error_rate%20%3E%200.1", alert["generatorURL"])
        self.assertEqual(alert["receivers"], [{"name": "default"}])
        self.rate = 0.0
        wait_until(lambda: "HighErrorRate" not in self.alerts(server), "the alert is resolved", 60)

    def test_prometheus_sends_its_alerts_to_us(self) -> None:
        server = self.start()
        target = self.exporter(lambda: "pressure 5\n")
        folder = self.folder / "prom"
        folder.mkdir()
        (folder / "rules.yml").write_text(
            "groups: [{name: g, rules: [{alert: Pressure, expr: pressure > 1, labels: {team: db}}]}]\n",
            encoding="utf-8")
        (folder / "prometheus.yml").write_text(f"""\
global: {{scrape_interval: 500ms, evaluation_interval: 500ms, external_labels: {{from: prometheus}}}}
rule_files: [rules.yml]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{server.url[7:]}']}}]}}]}}
scrape_configs: [{{job_name: a, static_configs: [{{targets: ['{target.address}']}}]}}]
""", encoding="utf-8")
        self.program("prometheus", ["prometheus", f"--config.file={folder}/prometheus.yml",
                                    f"--storage.tsdb.path={folder}/data",
                                    f"--web.listen-address=127.0.0.1:{free_port()}"])
        wait_until(lambda: "Pressure" in self.alerts(server), "Prometheus' alert arrives", 90)
        alert = self.alerts(server)["Pressure"]
        self.assertEqual(alert["labels"]["from"], "prometheus")
        self.assertEqual(alert["receivers"], [{"name": "database"}])
        groups = json.loads(ask(server.url + "/api/v2/alerts/groups?receiver=database")[1])
        self.assertEqual([group["labels"] for group in groups], [{"alertname": "Pressure"}])

    def test_a_file_with_an_error_changes_nothing(self) -> None:
        server = self.start()
        self.alertmanager_file.write_text(ALERTMANAGER.replace("receiver: database", "receiver: databse", 1),
                                          encoding="utf-8")
        status, message = ask(server.url + "/-/reload", "POST")
        self.assertEqual(status, 500)
        self.assertRegex(message, r"alertmanager.yml:5: route.routes\[0\].receiver: .*databse.* is not a receiver; add it")
        self.assertIn("receiver: database", json.loads(ask(server.url + "/api/v2/status")[1])["config"]["original"])
        self.alertmanager_file.write_text(ALERTMANAGER.replace("default", "everyone"), encoding="utf-8")
        self.assertEqual(ask(server.url + "/-/reload", "POST")[0], 200)
        names = [receiver["name"] for receiver in json.loads(ask(server.url + "/api/v2/receivers")[1])]
        self.assertEqual(names, ["everyone", "database"])

    # guide: G194
    def test_without_a_configuration_there_is_a_default_route(self) -> None:
        server = self.serve("global: {}\n")
        self.amtool(server, "alert", "add", "alertname=A")
        self.assertEqual(self.alerts(server)["A"]["receivers"], [{"name": "default"}])
        metrics = ask(server.url + "/metrics")[1]
        self.assertRegex(metrics, re.compile(r'^alertmanager_alerts_received_total\{status="firing",version="v2"\} 1$',
                                             re.MULTILINE))


if __name__ == "__main__":
    unittest.main()
