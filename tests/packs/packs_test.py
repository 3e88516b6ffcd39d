"""packs/energy-forecast: its files load here and in Prometheus, its rules do what their unit tests say, its alerts are
the guide's word for word, and the unit tests notice when a rule changes."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from guide_texts import GUIDE_BARE, GUIDE_CONFIG, GUIDE_GROUPS  # noqa: E402
from harness import BINARY, ROOT, EndToEndTest, wait_until  # noqa: E402

PACK = ROOT / "packs" / "energy-forecast"
RULES = sorted((PACK / "rules").glob("*.yml"))
TESTS = sorted((PACK / "tests").glob("*.yml"))

def run(*arguments: object, cwd: pathlib.Path = PACK) -> tuple[int, str]:
    done = subprocess.run([str(argument) for argument in arguments], cwd=cwd, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    return done.returncode, done.stdout


def without_comments(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))


class Verbatim(unittest.TestCase):
    # guide: G200, G203
    def test_the_groups_are_the_guides(self) -> None:
        for name, text in GUIDE_GROUPS.items():
            with self.subTest(name):
                self.assertEqual(without_comments((PACK / "rules" / name).read_text(encoding="utf-8")), text)

    # guide: P02
    def test_the_bare_rules_are_the_guides_in_one_group(self) -> None:
        rules = []
        for rule in GUIDE_BARE:
            first, *rest = rule.splitlines()
            rules.append("\n".join([f"  - {first}", *(f"    {line}" for line in rest)]) + "\n")
        self.assertEqual(without_comments((PACK / "rules" / "guide_critical_alerts.yml").read_text(encoding="utf-8")),
                         "groups:\n- name: guide_critical_alerts\n  rules:\n" + "\n".join(rules))

    def test_the_configuration_holds_the_guides(self) -> None:
        self.assertIn(GUIDE_CONFIG, (PACK / "prometheus.yml").read_text(encoding="utf-8"))


class Kilowatch(unittest.TestCase):
    # guide: G036, G039, G040, G041, G200, G203, P03
    def test_rules_and_configuration_are_accepted(self) -> None:
        status, text = run(BINARY, "check", "rules", "--lint=all", "--lint-fatal", *RULES)
        self.assertEqual(status, 0, text)
        for path, count in (("recording", 4), ("guide_critical_alerts", 3), ("critical_alerts", 2),
                            ("warning_alerts", 2), ("companion_alerts", 1)):
            self.assertRegex(text, rf"rules/{path}\.yml\n  SUCCESS: {count} rules found")
        for name in ("prometheus.yml", "kilowatch.yml"):
            status, text = run(BINARY, "check", "config", name)
            self.assertEqual(status, 0, text)
            self.assertIn("5 rule files found", text)
        ours = without_comments((PACK / "kilowatch.yml").read_text(encoding="utf-8"))
        self.assertEqual(ours.replace("  on_no_data: keep\n", ""),
                         without_comments((PACK / "prometheus.yml").read_text(encoding="utf-8")))

    # guide: G201, G202, G204, G205, G206, G207, G208, G209, G210
    def test_our_engine_passes_the_unit_tests(self) -> None:
        status, text = run(BINARY, "test", "rules", *TESTS)
        self.assertEqual(status, 0, text)
        self.assertEqual(text.count("SUCCESS"), len(TESTS), text)


class Live(EndToEndTest):
    # guide: P27
    def test_an_alert_is_kept_when_its_series_go_away_and_ends_with_a_good_value(self) -> None:
        """The guide's rule and the pack's configurations, faster: ours keeps the alert, Prometheus' resolves it."""
        rules = (PACK / "rules" / "guide_critical_alerts.yml").read_text(encoding="utf-8").replace("for: 15m", "for: 1s")
        for name, is_kept in (("kilowatch.yml", True), ("prometheus.yml", False)):
            with self.subTest(name):
                bodies = ["model_prediction_accuracy_percent 70\n"]
                target = self.exporter(lambda bodies=bodies: bodies[-1])
                (self.folder / name).mkdir()
                (self.folder / name / "rules").mkdir()
                (self.folder / name / "rules" / "guide.yml").write_text(rules, encoding="utf-8")
                config = (PACK / name).read_text(encoding="utf-8").replace(": 15s", ": 200ms").replace(
                    "localhost:8001", target.address)
                server = self.serve(config + "collectors: {host: {enabled: false}, process: {enabled: false}}\n",
                                    folder=name)

                def alerts(server=server) -> list[str]:
                    return [alert["state"] for alert in server.get("/api/v1/alerts")["alerts"]]

                wait_until(lambda: alerts() == ["firing"], "LowModelAccuracy fires", 60)
                bodies.append("another 1\n")
                wait_until(lambda: server.query("another") and not server.query("model_prediction_accuracy_percent"),
                           "the series is gone", 60)
                gone_at = float(server.query("time()")[1])
                if not is_kept:
                    wait_until(lambda: alerts() == [], "it resolves", 60)
                    continue
                wait_until(lambda: float(server.query("max(timestamp(ALERTS))")[0]["value"][1]) > gone_at + 1,
                           "the rule is evaluated without data", 60)
                self.assertEqual(alerts(), ["firing"])
                bodies.append("model_prediction_accuracy_percent 90\n")
                wait_until(lambda: alerts() == [], "a good value ends it", 60)

    # guide: G206, G207, G208, G209
    def test_our_engine_gives_the_recorded_values(self) -> None:
        """Targets whose counters grow by the same at each scrape: the ratios do not depend on when that is."""
        steps = {"http_requests_total": {'status="200"': 3, 'status="500"': 1},
                 "http_request_duration_seconds_bucket": {'le="0.25"': 8, 'le="0.5"': 10, 'le="+Inf"': 10},
                 "node_cpu_seconds_total": {'cpu="0",mode="idle"': 3, 'cpu="0",mode="iowait"': 1,
                                            'cpu="0",mode="user"': 12},
                 "redis_keyspace_hits_total": {"": 3}, "redis_keyspace_misses_total": {"": 1}}
        idle = {"http_requests_total": {'status="200"': 0}, "redis_keyspace_hits_total": {"": 0},
                "redis_keyspace_misses_total": {"": 0}}

        def body(by_name: dict[str, dict[str, int]], scrapes: list[int]) -> str:
            scrapes[0] += 1
            return "".join(f"{name}{{{labels}}} {step * scrapes[0]}\n"
                           for name, rows in by_name.items() for labels, step in rows.items())

        busy_scrapes, idle_scrapes = [0], [0]
        busy = self.exporter(lambda: body(steps, busy_scrapes))
        quiet = self.exporter(lambda: body(idle, idle_scrapes))
        server = self.serve(
            "global: {scrape_interval: 1s}\ncollectors: {host: {enabled: false}, process: {enabled: false}}\n"
            f"scrape_configs:\n- job_name: api\n  static_configs: [{{targets: ['{busy.address}']}}]\n"
            f"- job_name: quiet\n  static_configs: [{{targets: ['{quiet.address}']}}]\n")
        wait_until(lambda: min(busy_scrapes[0], idle_scrapes[0]) > 3, "both targets are scraped", 30)
        text = (PACK / "rules" / "recording.yml").read_text(encoding="utf-8")
        expressions = dict(re.findall(r"- record: (\w+)\n    expr: \|\n(.*?)    labels:", text, re.DOTALL))
        want = {"error_rate": 0.25, "api_latency_p95": 0.4375, "cpu_usage": 75, "cache_hit_rate": 0.75}
        self.assertEqual(expressions.keys(), want.keys())
        for name, value in want.items():
            with self.subTest(name):
                (series,) = server.query(expressions[name])  # one: the quiet job has none
                self.assertEqual(series["metric"]["job"], "api")
                self.assertAlmostEqual(float(series["value"][1]), value, places=9)


@unittest.skipIf(shutil.which("promtool") is None, "promtool is not installed; ./kw test installs it")
class Promtool(unittest.TestCase):
    def test_rules_and_configuration_are_accepted(self) -> None:
        for arguments in (("check", "rules", *RULES), ("check", "config", "prometheus.yml")):
            status, text = run("promtool", *arguments)
            self.assertEqual(status, 0, text)

    # guide: G210
    def test_the_unit_tests_pass(self) -> None:
        status, text = run("promtool", "test", "rules", *TESTS)
        self.assertEqual(status, 0, text)
        self.assertEqual(text.count("SUCCESS"), len(TESTS), text)

    # guide: G210
    def test_the_unit_tests_notice_every_changed_rule(self) -> None:
        """Each alert one evaluation earlier or later, each recorded series a hundred times as large: the tests of the
        file fail, and name every rule of it."""
        alert = re.compile(r"(- alert: )(\w+)(\n.*?for: )(\d+)m\n", re.DOTALL)
        record = re.compile(r"(- record: )(\w+)(\n    expr: \|\n)(.*?)(    labels:)", re.DOTALL)
        seen = []
        for path in RULES:
            text = path.read_text(encoding="utf-8")
            names = [match.group(2) for match in (*alert.finditer(text), *record.finditer(text))]
            seen += names
            for step in (-15, 15):
                changed = alert.sub(lambda m, s=step: f"{m[1]}{m[2]}{m[3]}{int(m[4]) * 60 + s}s\n", text)
                changed = record.sub(r"\1\2\3      100 * (\n\4      )\n\5", changed)
                with self.subTest(f"{path.name} {step:+} s"):
                    output = self.failures_with(path.name, changed)
                    for name in names:
                        self.assertRegex(output, rf"(alertname: {name},|expr: \"[^\n]*{name})")
                if not alert.search(text):
                    break
        self.assertEqual(len(seen), 8 + 4)

    def failures_with(self, name: str, text: str) -> str:
        """What promtool says of the tests that load a rule file, with that file changed to `text`."""
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder) / "pack"
            shutil.copytree(PACK, copy)
            (copy / "rules" / name).write_text(text, encoding="utf-8")
            tests = [path for path in sorted((copy / "tests").glob("*.yml"))
                     if f"rules/{name}" in path.read_text(encoding="utf-8")]
            if name == "recording.yml":
                tests = [copy / "tests" / "recording_test.yml"]
            status, output = run("promtool", "test", "rules", *tests)
            self.assertNotEqual(status, 0, output)
            return output


if __name__ == "__main__":
    unittest.main(verbosity=2)
