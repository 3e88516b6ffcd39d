"""/health of the server itself, as a monitor and a load balancer see it: healthy, with a disk that takes nothing, and
healthy again."""

import json
import resource
import time
import unittest

import remote_write
from harness import EndToEndTest, wait_until

CONFIG = """\
global: {scrape_interval: 1s}
collectors: {scrape_interval: 1s}
"""
PARTS = ("store", "scrape", "rules", "configuration")


class Health(EndToEndTest):
    def health(self, server) -> tuple[int, dict]:
        status, body, headers = server.request("/health")
        self.assertEqual(headers["Content-Type"], "application/json")
        return status, json.loads(body)

    # guide: G225
    def test_a_disk_that_takes_nothing_is_unhealthy_until_it_does(self) -> None:
        server = self.serve(CONFIG)
        self.assertEqual(self.health(server), (200, {"status": "healthy", "components": dict.fromkeys(PARTS, "healthy")}))
        pid = server.process.popen.pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))  # every write to a file fails, as on a full disk
        wait_until(lambda: self.health(server)[0] == 503, "the store is unhealthy", 60)
        self.assertEqual(self.health(server)[1], {"status": "unhealthy", "components": {
            **dict.fromkeys(PARTS, "healthy"), "store": "unhealthy"}})
        body = remote_write.snappy(remote_write.series({"__name__": "pushed"}, [(int(time.time() * 1000), 1)]))
        self.assertEqual(server.request("/api/v1/write", body, remote_write.HEADERS)[0], 503, "what cannot be made durable is not acknowledged")
        self.assertEqual(server.status("/-/ready"), 200)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
        wait_until(lambda: self.health(server)[0] == 200, "the store is healthy again by itself", 60)

    # guide: G225
    def test_a_bad_file_and_a_failing_rule_degrade_and_do_not_fail(self) -> None:
        server = self.serve(CONFIG + "rule_files: [rules.yml]\n")
        (server.folder / "rules.yml").write_text(
            "groups: [{name: g, interval: 1s, rules: [{record: a, expr: 'up * on () up'}]}]\n")
        self.assertEqual(server.request("/-/reload", b"", method="POST")[0], 200)
        wait_until(lambda: self.health(server)[1]["components"]["rules"] == "degraded", "the rule fails", 30)
        server.config_path.write_text("scrape_configs: 7\n")
        self.assertEqual(server.request("/-/reload", b"", method="POST")[0], 500)
        status, body = self.health(server)
        self.assertEqual((status, body["status"]), (200, "degraded"))
        self.assertEqual(body["components"], {"store": "healthy", "scrape": "healthy", "rules": "degraded",
                                              "configuration": "degraded"})

    # guide: G226
    def test_kilowatch_watches_itself(self) -> None:
        server = self.serve(CONFIG)
        server.config_path.write_text(
            f"global: {{scrape_interval: 1s}}\ncollectors:\n  health: [{{service: kilowatch, url: '{server.url}/health'}}]\n")
        self.assertEqual(server.request("/-/reload", b"", method="POST")[0], 200)
        seen = wait_until(lambda: server.query('health_component_status{service="kilowatch"}'), "it is asked", 30)
        self.assertEqual({s["metric"]["component"]: s["value"][1] for s in seen}, dict.fromkeys(PARTS, "1"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
