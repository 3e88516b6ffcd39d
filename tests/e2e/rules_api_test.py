"""Rules through the API and the command line: made, changed, removed, kept through kill -9; and backfill."""

import json
import os
import pathlib
import time
import unittest
import urllib.parse

import remote_write
from harness import BINARY, EndToEndTest, Server, wait_until

CONFIG = """\
global: {evaluation_interval: 200ms}
rule_files: [rules.yml]
collectors: {host: {enabled: false}, process: {enabled: false}}
"""
FILE_RULES = "groups: [{name: of_file, rules: [{record: from_file, expr: '1'}]}]\n"
GROUP = "rules:\n- record: from_api\n  expr: '2'\n  labels: {by: api}\n"


class RulesApi(EndToEndTest):
    def start(self) -> Server:
        folder = self.folder / "kw"
        folder.mkdir()
        (folder / "rules.yml").write_text(FILE_RULES, encoding="utf-8")
        return self.serve(CONFIG)

    def put(self, server: Server, name: str, text: str, query: str = "") -> tuple[int, dict]:
        path = f"/api/kw/v1/rules/groups/{urllib.parse.quote(name, safe='')}{query}"
        status, body, _ = server.request(path, text.encode(), {"Content-Type": "application/yaml"}, "PUT")
        return status, json.loads(body)

    def names(self, server: Server) -> list[tuple[str, str]]:
        return [(group["name"], os.path.basename(group["file"])) for group in server.get("/api/v1/rules")["groups"]]

    def cli(self, server: Server, *arguments: str, expect: int | None = 0) -> str:
        return self.tool(BINARY, "rules", arguments[0], "--server", server.url, *arguments[1:], expect=expect)

    # guide: P22
    def test_a_group_is_made_changed_and_removed_and_survives_kill_9(self) -> None:
        server = self.start()
        status, answer = self.put(server, "mine/web", GROUP)
        self.assertEqual((status, answer["data"]["revision"]), (200, 1), answer)
        wait_until(lambda: server.series_value('from_api{by="api"}') == 2, "the rule records")
        self.assertEqual(self.names(server), [("of_file", "rules.yml"), ("mine/web", "@api")])
        server.kill()
        self.restart(server)
        self.assertEqual(self.names(server), [("of_file", "rules.yml"), ("mine/web", "@api")])
        # A reload of the files leaves it alone.
        self.assertEqual(server.request("/-/reload", b"")[0], 200)
        self.assertEqual(len(self.names(server)), 2)
        # A change by somebody who saw an older one is refused; a bad one too, with its place; both change nothing.
        self.assertEqual(self.put(server, "mine/web", GROUP, "?revision=7")[0], 409)
        status, answer = self.put(server, "mine/web", "rules:\n- record: a\n  expr: 'sum('\n")
        self.assertEqual((status, answer["place"]["line"], answer["place"]["key"]), (400, 3, "rules[0].expr"), answer)
        # A dry run changes nothing.
        status, answer = self.put(server, "new", GROUP, "?dry_run=1")
        self.assertEqual(status, 200, answer)
        self.assertEqual(len(self.names(server)), 2)
        status, answer = self.put(server, "mine/web", GROUP.replace("'2'", "'3'"), "?revision=1")
        self.assertEqual((status, answer["data"]["revision"]), (200, 2), answer)
        wait_until(lambda: server.series_value('from_api{by="api"}') == 3, "the changed rule records")
        # What stands in a file is changed there.
        status, answer = self.put(server, "of_file", GROUP)
        self.assertEqual(status, 409)
        self.assertIn("rules.yml: change it there", answer["error"])
        self.assertEqual(server.request("/api/kw/v1/rules/groups/of_file", method="DELETE")[0], 409)
        listed = server.get("/api/kw/v1/rules")["groups"]
        self.assertEqual([(group["name"], group["origin"]) for group in listed],
                         [("of_file", "file"), ("mine/web", "api")])
        self.assertIn("record: from_file", server.get("/api/kw/v1/rules/groups/of_file")["text"])
        self.assertEqual(server.request("/api/kw/v1/rules/groups/mine%2Fweb", method="DELETE")[0], 200)
        wait_until(lambda: not server.query("from_api"), "its series ends")
        self.assertEqual(server.status("/api/kw/v1/rules/groups/mine%2Fweb"), 404)
        history = server.get("/api/kw/v1/rules/groups/mine%2Fweb/history")
        self.assertEqual([entry["action"] for entry in history], ["remove", "change", "create"])
        self.assertEqual(history[2]["after"], GROUP)
        self.assertTrue(all(entry["actor"] == "anonymous" and "127.0.0.1" in entry["origin"] for entry in history))
        server.kill()
        self.restart(server)
        self.assertEqual(self.names(server), [("of_file", "rules.yml")])

    def test_the_command_line_lists_applies_and_removes(self) -> None:
        server = self.start()
        rules = self.folder / "new.yml"
        rules.write_text("groups:\n- name: one\n  rules: [{record: a, expr: '1'}]\n- name: two\n"
                         "  interval: 1m\n  rules: [{alert: B, expr: a > 1, for: 5m, on_no_data: keep}]\n",
                         encoding="utf-8")
        self.assertEqual(self.cli(server, "apply", "--dry-run", str(rules)), "one: 1 rules, good\ntwo: 1 rules, good\n")
        self.assertEqual(self.names(server), [("of_file", "rules.yml")])
        self.assertEqual(self.cli(server, "apply", str(rules)), "one: 1 rules, revision 1\ntwo: 1 rules, revision 1\n")
        text = self.cli(server, "list")
        self.assertRegex(text, r"(?m)^one +api +1 +0 +\d{4}-\S+ by anonymous$")
        self.assertRegex(text, r"(?m)^of_file +\S*rules.yml +1 +0$")
        self.assertEqual(self.cli(server, "remove", "one"), "one: removed\n")
        self.assertIn("no group", self.cli(server, "remove", "one", expect=1))
        self.assertIn("remove it there", self.cli(server, "remove", "of_file", expect=1))
        rules.write_text("groups: [{name: of_file, rules: [{record: a, expr: '1'}]}]\n", encoding="utf-8")
        self.assertIn("change it there", self.cli(server, "apply", str(rules), expect=1))
        self.assertEqual([name for name, _ in self.names(server)], ["of_file", "two"])


def push(server: Server, name: str, samples: list[tuple[int, float]], **labels: str) -> None:
    body = remote_write.series({"__name__": name, **labels}, samples)
    status, answer, _ = server.request("/api/v1/write", remote_write.snappy(body), remote_write.HEADERS)
    if status // 100 != 2:
        raise AssertionError(answer)


HISTORY_RULES = """\
groups:
- name: history
  interval: 1m
  rules:
  - {record: 'job:load:sum', expr: 'sum by (job) (load)'}
  - {record: 'job:load:avg10m', expr: 'avg_over_time(job:load:sum[10m])'}
  - {alert: Ignored, expr: load > 1}
"""


class Backfill(EndToEndTest):
    """Six hours of two series, a sample a minute, that ended an hour ago."""

    def start(self) -> Server:
        server = self.serve("collectors: {host: {enabled: false}, process: {enabled: false}}\n")
        self.end = int(time.time()) // 60 * 60 - 3600
        self.begin = self.end - 6 * 3600
        for instance, factor in (("a", 1), ("b", 2)):
            push(server, "load", [(second * 1000, factor * (second // 60 % 100))
                                  for second in range(self.begin, self.end + 1, 60)], job="x", instance=instance)
        return server

    def rules(self, text: str = HISTORY_RULES) -> pathlib.Path:
        path = self.folder / "history.yml"
        path.write_text(text, encoding="utf-8")
        return path

    def cli(self, server: Server, *arguments: str, expect: int | None = 0) -> str:
        return self.tool(BINARY, "rules", "backfill", "--server", server.url, *arguments, expect=expect)

    def raw(self, server: Server, name: str) -> list[list]:
        result = server.query(f"{name}[8h]", time=self.end + 3600)
        self.assertLessEqual(len(result), 1)
        return result[0]["values"] if result else []

    def backfill(self, server: Server, *arguments: str) -> str:
        return self.cli(server, "--start", str(self.begin), "--end", str(self.end), *arguments, str(self.rules()))

    def test_every_sample_is_what_the_expression_gave_then_and_twice_is_once(self) -> None:
        server = self.start()
        text = self.backfill(server)
        self.assertRegex(text, r"backfill 1: done, 72\d samples written, 0 were there")
        sums = self.raw(server, "job:load:sum")
        self.assertIn(len(sums), (360, 361))
        for timestamp, value in sums:
            self.assertEqual(float(value), 3 * (int(timestamp) // 60 % 100), timestamp)
        # The second rule saw what the first one gave.
        averages = self.raw(server, "job:load:avg10m")
        self.assertEqual([at for at, _ in averages], [at for at, _ in sums])
        for i in (0, 5, 100, 359):
            last = [float(value) for _, value in sums[max(0, i - 9):i + 1]]
            self.assertAlmostEqual(float(averages[i][1]), sum(last) / len(last), places=9)
        text = self.backfill(server)
        self.assertRegex(text, r"backfill 2: done, 0 samples written, 72\d were there")
        self.assertEqual(self.raw(server, "job:load:sum"), sums)
        self.assertRegex(self.cli(server, "--list"), r"(?s)backfill 2: done.*backfill 1: done")

    def test_the_api_says_what_is_wrong(self) -> None:
        server = self.start()

        def post(**form: object) -> tuple[int, str]:
            status, body, _ = server.request("/api/kw/v1/rules/backfill", urllib.parse.urlencode(form).encode())
            return status, json.loads(body).get("error", "")

        rules = "rules: x"
        self.assertEqual(post(rules=HISTORY_RULES), (400, 'invalid parameter "start": is missing'))
        self.assertEqual(post(start=1)[0], 400)
        self.assertEqual(post(start=5, end=4, rules=HISTORY_RULES), (400, "the end is before the start"))
        self.assertIn("in the future", post(start=5, end=time.time() + 999, rules=HISTORY_RULES)[1])
        self.assertIn("@api:1:", post(start=5, rules=rules)[1])
        self.assertEqual(post(start=5, group="none")[0], 404)
        self.assertEqual(server.status("/api/kw/v1/rules/backfill/77"), 404)
        self.assertEqual(server.request("/api/kw/v1/rules/backfill/77", method="DELETE")[0], 404)

    def test_a_kill_in_the_middle_is_gone_on_with(self) -> None:
        server = self.start()
        # A rule that reads itself is evaluated step by step: 21,600 of them are not done at once.
        rules = self.rules("groups:\n- name: slow\n  interval: 1s\n  rules:\n"
                           "  - {record: n, expr: 'n offset 1s + 1 or sum(load) * 0'}\n")
        self.cli(server, "--start", str(self.begin), "--end", str(self.end), "--detach", str(rules))
        job = wait_until(lambda: (found := server.get("/api/kw/v1/rules/backfill/1"))["fraction"] > 0.02 and found,
                         "it has begun")
        self.assertEqual(job["state"], "running")
        # Its position is written every second.
        time_begun = time.monotonic()
        wait_until(lambda: time.monotonic() - time_begun > 2.5 or
                   server.get("/api/kw/v1/rules/backfill/1")["state"] == "done", "it is written down")
        server.kill()
        self.restart(server)
        job = wait_until(lambda: (found := server.get("/api/kw/v1/rules/backfill/1"))["state"] == "done" and found,
                         "it is done", 120)
        self.assertEqual(job["failures"], 0, job)
        counted = self.raw(server, "n")
        self.assertIn(len(counted), (21600, 21601))
        self.assertEqual([float(value) for _, value in counted], list(map(float, range(len(counted)))))

    def test_it_is_cancelled(self) -> None:
        server = self.start()
        rules = self.rules("groups:\n- name: slow\n  interval: 50ms\n  rules: [{record: n, expr: 'n or vector(1)'}]\n")
        self.cli(server, "--start", str(self.begin), "--detach", str(rules))
        self.assertIn("backfill 1: cancelled", self.cli(server, "--cancel", "1"))
        self.assertEqual(server.get("/api/kw/v1/rules/backfill/1")["state"], "cancelled")
        self.assertIn("is over", self.cli(server, "--cancel", "1", expect=1))

    def test_it_gives_what_promtool_gives(self) -> None:
        """promtool writes blocks; at its own times, which are those of the file and name that it was given."""
        server = self.start()
        blocks = self.folder / "blocks"
        one_rule = self.rules("groups:\n- name: history\n  interval: 1m\n  rules:\n"
                              "  - {record: 'job:load:sum', expr: 'sum by (job) (load)', labels: {by: rules}}\n")
        self.tool("promtool", "tsdb", "create-blocks-from", "rules", "--start", str(self.begin), "--end",
                  str(self.end), "--url", server.url, "--output-dir", str(blocks), "--eval-interval", "1m",
                  str(one_rule))
        (blocks / "wal").mkdir()  # dump wants one
        dump = self.tool("promtool", "tsdb", "dump", str(blocks))
        theirs = {}
        for line in dump.splitlines():
            if line.startswith("{"):
                labels, value, timestamp = line.rsplit(" ", 2)
                theirs.setdefault(labels, []).append((int(timestamp) // 60_000, float(value)))
        self.cli(server, "--start", str(self.begin), "--end", str(self.end), str(one_rule))
        ours = [(int(float(at) * 1000) // 60_000, float(value)) for at, value in self.raw(server, "job:load:sum")]
        self.assertEqual(list(theirs), ['{__name__="job:load:sum", by="rules", job="x"}'])
        expected = dict(theirs.popitem()[1])
        both = [(minute, value) for minute, value in ours if minute in expected]
        self.assertGreaterEqual(len(both), 358)
        # The load changes at full minutes, and both look at it within the same minute.
        self.assertEqual(both, [(minute, expected[minute]) for minute, _ in both])


if __name__ == "__main__":
    unittest.main()
