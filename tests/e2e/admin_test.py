"""The admin API: series deleted for good, snapshots that a server can be started on."""

import re
import shutil
import time
import unittest
import urllib.parse

import remote_write
from harness import EndToEndTest, wait_until

CONFIG = """\
global: {{scrape_interval: 200ms}}
collectors: {{host: {{enabled: false}}, process: {{enabled: false}}}}
scrape_configs:
  - job_name: api
    static_configs: [{{targets: ['{address}']}}]
"""


class Admin(EndToEndTest):
    def start(self, *flags: str):
        target = self.exporter("wanted 1\nunwanted 2\n")
        server = self.serve(CONFIG.format(address=target.address), list(flags))
        wait_until(lambda: server.query("unwanted"), "the target is scraped")
        return server

    @staticmethod
    def admin(server, action: str, **parameters: str) -> tuple[int, str]:
        query = urllib.parse.urlencode(parameters)
        status, body, _ = server.request(f"/api/v1/admin/tsdb/{action}?{query}", method="POST")
        return status, body.decode()

    def test_it_is_off_unless_enabled(self) -> None:
        server = self.start()
        for action in ("delete_series", "clean_tombstones", "snapshot"):
            status, body = self.admin(server, action, **{"match[]": "unwanted"})
            self.assertEqual(status, 503, action)
            self.assertIn("admin APIs disabled", body)

    def test_what_is_deleted_stays_away(self) -> None:
        server = self.start("--web.enable-admin-api")
        # No more of it is scraped.
        text = server.config_path.read_text(encoding="utf-8")
        server.config_path.write_text(text.replace(
            "    static_configs", "    metric_relabel_configs: [{source_labels: [__name__], regex: unwanted, "
            "action: drop}]\n    static_configs"), encoding="utf-8")
        self.assertEqual(server.request("/-/reload", data=b"")[0], 200)
        last = server.series_value("timestamp(unwanted)")
        wait_until(lambda: server.series_value("timestamp(wanted)") > last + 1, "scrapes go on without it")
        self.assertEqual(self.admin(server, "delete_series", **{"match[]": "unwanted"}), (204, ""))
        self.assertEqual(server.query("unwanted[5m]"), [])
        self.assertNotIn("unwanted", server.get("/api/v1/label/__name__/values"))
        before = server.series_value("count_over_time(wanted[5m])")
        server.kill()
        self.restart(server)
        self.assertEqual(server.query("unwanted[5m]"), [])
        self.assertGreaterEqual(server.series_value("count_over_time(wanted[5m])"), before)
        self.assertEqual(self.admin(server, "clean_tombstones"), (204, ""))
        self.assertEqual(self.admin(server, "delete_series")[0], 400)

    def test_a_range_of_several_series(self) -> None:
        server = self.serve("collectors: {host: {enabled: false}, process: {enabled: false}}\n",
                            ["--web.enable-admin-api"])
        now = int(time.time())

        def push(name: str, minutes: dict[int, float]) -> None:
            body = remote_write.series({"__name__": name, "job": "pushed"},
                                       [((now - ago * 60) * 1000, value) for ago, value in minutes.items()])
            status, answer, _ = server.request("/api/v1/write", remote_write.snappy(body), remote_write.HEADERS)
            self.assertEqual(status, 204, answer)

        def values() -> dict[str, list[float]]:
            result = server.query('{job="pushed"}[1d]', time=now + 60)
            return {one["metric"]["__name__"]: [float(value) for _, value in one["values"]] for one in result}

        def delete(method: str, *selectors: str, **bounds: float) -> int:
            form = urllib.parse.urlencode({"match[]": selectors, **bounds}, doseq=True)
            return server.request(f"/api/v1/admin/tsdb/delete_series?{form}", method=method)[0]

        for name in ("kept", "cut", "gone"):
            push(name, {400: 400, 300: 300, 20: 20, 0: 0})
        self.assertEqual(delete("POST", "gone", 'kept{job="nobody"}'), 204)
        self.assertEqual(delete("PUT", "cut", "nothing", start=now - 310 * 60, end=now - 10 * 60), 204)
        want = {"kept": [400, 300, 20, 0], "cut": [400, 0]}
        self.assertEqual(values(), want)
        self.assertEqual(server.get("/api/v1/series", **{"match[]": "gone"}), [])
        # What is sent afterwards is new, whatever its time and its value.
        push("gone", {300: 7})
        push("cut", {20: 8})
        want |= {"cut": [400, 8, 0], "gone": [7]}
        for _ in range(2):
            self.assertEqual(values(), want)
            server.kill()
            self.restart(server)
        self.assertEqual(values(), want)
        self.assertEqual(delete("POST", "cut{"), 400)
        self.assertEqual(delete("POST", "cut", start=2, end=1), 400)
        self.assertEqual(values(), want)

    def test_a_server_starts_on_a_snapshot(self) -> None:
        server = self.start("--web.enable-admin-api")
        status, body = self.admin(server, "snapshot")
        self.assertEqual(status, 200, body)
        name = re.search(r'"name":"(\d{8}T\d{6}Z-[0-9a-f]{16})"', body).group(1)
        wait_until(lambda: server.series_value("count_over_time(wanted[5m])") > 1, "scrapes go on")
        shutil.copytree(server.folder / "data" / "snapshots" / name, self.folder / "copy" / "data")
        copy = self.serve("global: {}\ncollectors: {host: {enabled: false}, process: {enabled: false}}\n",
                          folder="copy")
        self.assertGreaterEqual(copy.series_value("count_over_time(unwanted[5m])"), 1)
        self.assertEqual(self.admin(server, "snapshot", skip_head="maybe")[0], 400)


if __name__ == "__main__":
    unittest.main()
