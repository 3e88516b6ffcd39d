"""Rules on a running server: recording, an alert's life, reload, restart; and Debian's Prometheus beside it."""

import json
import pathlib
import re
import unittest
import urllib.request

from harness import EndToEndTest, free_port, wait_until

CONFIG = """\
global:
  scrape_interval: 200ms
  evaluation_interval: 200ms
rule_files: [rules.yml]
collectors: {{host: {{enabled: false}}, process: {{enabled: false}}}}
scrape_configs:
  - job_name: api
    static_configs: [{{targets: ['{address}']}}]
"""

RULES = """\
groups:
  - name: api
    labels: {team: web}
    rules:
      - record: job:latency:double
        expr: 2 * latency_seconds
      - alert: Slow
        expr: job:latency:double > 1
        for: %s
        labels: {severity: page}
        annotations: {summary: '{{ $labels.job }} takes {{ $value | humanizeDuration }}'}
"""


def write_rules(folder: pathlib.Path, text: str) -> None:
    (folder / "rules.yml").write_text(text, encoding="utf-8")


class Rules(EndToEndTest):
    def setUp(self) -> None:
        super().setUp()
        self.latency = 0.1
        self.target = self.exporter(lambda: f"latency_seconds {self.latency}\n")

    def start(self, held: str, flags: list[str] | None = None):
        folder = self.folder / "kw"
        folder.mkdir()
        write_rules(folder, RULES % held)
        return self.serve(CONFIG.format(address=self.target.address), flags)

    @staticmethod
    def rule(server, name: str) -> dict:
        groups = server.get("/api/v1/rules")["groups"]
        return next(rule for group in groups for rule in group["rules"] if rule["name"] == name)

    def state(self, server) -> str:
        return self.rule(server, "Slow")["state"]

    def test_an_alert_pends_fires_and_resolves_over_a_recording_rule(self) -> None:
        server = self.start("2s")
        wait_until(lambda: server.series_value("job:latency:double") == 0.2, "the rule records")
        self.assertEqual(server.query("job:latency:double")[0]["metric"]["team"], "web")
        # As in Prometheus, the first two evaluations write no ALERTS: what to restore is not known before.
        wait_until(lambda: server.series_value("count_over_time(job:latency:double[5m])") >= 3, "it was evaluated thrice")
        self.assertEqual(self.state(server), "inactive")
        self.latency = 3
        wait_until(lambda: self.state(server) == "pending", "the alert pends")
        wait_until(lambda: self.state(server) == "firing", "the alert fires")
        alert = server.get("/api/v1/alerts")["alerts"][0]
        self.assertEqual(alert["annotations"], {"summary": "api takes 6s"})
        self.assertEqual(alert["labels"], {"alertname": "Slow", "instance": self.target.address, "job": "api",
                                           "severity": "page", "team": "web"})
        self.assertEqual(alert["value"], "6e+00")
        wait_until(lambda: server.query('ALERTS{alertstate="firing"}'), "ALERTS says so")
        self.latency = 0.1
        wait_until(lambda: self.state(server) == "inactive", "the alert resolves")
        wait_until(lambda: not server.query("ALERTS"), "ALERTS ends")
        # How long it pended is in the series: at least its `for`, however late the evaluations were.
        first = "min_over_time(timestamp(ALERTS{{alertstate='{}'}})[5m:100ms])".format
        pended = server.series_value(f"{first('firing')} - ignoring(alertstate) {first('pending')}")
        self.assertGreaterEqual(pended, 2 - 1e-3)
        text = server.request("/metrics")[1].decode()
        self.assertRegex(text, r'prometheus_rule_evaluations_total\{rule_group="\S*rules.yml;api"\} [1-9]')
        self.assertRegex(text, r'prometheus_rule_evaluation_failures_total\{rule_group="\S*rules.yml;api"\} 0')

    def test_the_api_filters_and_pages(self) -> None:
        server = self.start("1h")

        def names(**parameters: object) -> list[str]:
            groups = server.get("/api/v1/rules", **parameters)["groups"]
            return [rule["name"] for group in groups for rule in group["rules"]]

        write_rules(server.folder, RULES % "1h" + "  - name: z\n    rules: [{record: last, expr: '1'}]\n")
        self.assertEqual(server.request("/-/reload", data=b"")[0], 200)
        self.assertEqual(names(), ["job:latency:double", "Slow", "last"])
        self.assertEqual(names(type="alert"), ["Slow"])
        self.assertEqual(names(**{"rule_name[]": "last"}), ["last"])
        self.assertEqual(names(**{"rule_group[]": "z"}), ["last"])
        self.assertEqual(names(**{"match[]": '{severity="page"}'}), ["Slow"])
        self.assertEqual(names(**{"file[]": "other.yml"}), [])
        page = server.get("/api/v1/rules", group_limit=1)
        self.assertEqual([group["name"] for group in page["groups"]], ["api"])
        page = server.get("/api/v1/rules", group_limit=1, group_next_token=page["groupNextToken"])
        self.assertEqual([group["name"] for group in page["groups"]], ["z"])
        self.assertNotIn("groupNextToken", page)
        for bad in ("type=x", "group_next_token=x", "group_limit=0", "exclude_alerts=maybe"):
            self.assertEqual(server.status("/api/v1/rules?" + bad), 400, bad)

    def test_a_reload_keeps_what_stays_and_refuses_what_is_bad(self) -> None:
        server = self.start("1h")
        self.latency = 3
        wait_until(lambda: self.state(server) == "pending", "the alert pends")
        since = self.rule(server, "Slow")["alerts"][0]["activeAt"]
        write_rules(server.folder, RULES % "1h" + "      - {record: b, expr: 'sum('}\n")
        status, body, _ = server.request("/-/reload", data=b"")
        self.assertEqual(status, 500)
        self.assertIn("rules.yml:12: groups[0].rules[2].expr", body.decode())
        self.assertEqual(len(server.get("/api/v1/rules")["groups"][0]["rules"]), 2)
        write_rules(server.folder, (RULES % "1h").replace("job:latency:double", "double"))
        self.assertEqual(server.request("/-/reload", data=b"")[0], 200)
        wait_until(lambda: server.query("double"), "the new rule records")
        wait_until(lambda: not server.query("job:latency:double"), "the removed rule's series ends")
        self.assertEqual(self.rule(server, "Slow")["alerts"][0]["activeAt"], since)

    def test_a_restart_takes_over_since_when_an_alert_is_active(self) -> None:
        flags = ["--rules.alert.for-grace-period=100ms"]
        server = self.start("1h", flags)
        self.latency = 3
        wait_until(lambda: server.query("ALERTS_FOR_STATE"), "the alert pends")
        since = server.series_value("ALERTS_FOR_STATE")
        self.assertEqual(server.stop(), 0)
        self.restart(server)
        wait_until(lambda: server.query('ALERTS{alertstate="pending"}'), "the alert pends again")
        # The outage, some seconds, does not count.
        restored = wait_until(lambda: server.series_value("ALERTS_FOR_STATE"), "its state is written")
        self.assertGreaterEqual(restored, since)
        self.assertLess(restored - since, 20)

    def test_prometheus_says_the_same_of_the_same_rules(self) -> None:
        server = self.start("0s")
        (self.folder / "prom").mkdir()
        write_rules(self.folder / "prom", (RULES % "0s").replace("    labels: {team: web}\n", ""))
        write_rules(server.folder, (RULES % "0s").replace("    labels: {team: web}\n", ""))
        self.assertEqual(server.request("/-/reload", data=b"")[0], 200)
        config = self.folder / "prom" / "prometheus.yml"
        text = CONFIG.format(address=self.target.address)
        config.write_text(re.sub(r"^collectors.*\n", "", text, flags=re.MULTILINE), encoding="utf-8")
        port = free_port()
        self.program("prometheus", ["prometheus", f"--config.file={config}",
                                    f"--web.listen-address=127.0.0.1:{port}",
                                    f"--storage.tsdb.path={self.folder / 'prom' / 'data'}"])
        self.latency = 3

        def comparable(url: str) -> list:
            with urllib.request.urlopen(url + "/api/v1/rules", timeout=10) as answer:
                groups = json.load(answer)["data"]["groups"]
            for group in groups:
                for changing in ("evaluationTime", "lastEvaluation", "file"):
                    group.pop(changing)
                for rule in group["rules"]:
                    for changing in ("evaluationTime", "lastEvaluation"):
                        rule.pop(changing)
                    for alert in rule.get("alerts", []):
                        alert.pop("activeAt")
            return groups

        prometheus = f"http://127.0.0.1:{port}"
        wait_until(lambda: comparable(prometheus)[0]["rules"][1]["state"] == "firing", "Prometheus fires", 60)
        wait_until(lambda: self.state(server) == "firing", "kilowatch fires")
        ours, theirs = comparable(server.url), comparable(prometheus)
        # Of a later version than Debian's.
        for group in ours:
            for rule in group["rules"]:
                if "keepFiringFor" not in str(theirs):
                    rule.pop("keepFiringFor", None)
        self.assertEqual(ours, theirs)


if __name__ == "__main__":
    unittest.main()
