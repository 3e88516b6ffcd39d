"""One server takes series from another's /federate, as Debian's Prometheus does."""

import json
import unittest
import urllib.parse
import urllib.request

from harness import EndToEndTest, free_port, wait_until

INNER = """\
global: {{scrape_interval: 1s, external_labels: {{zone: eu}}}}
collectors: {{host: {{enabled: false}}, process: {{enabled: false}}}}
scrape_configs:
  - job_name: api
    static_configs: [{{targets: ['{address}']}}]
"""

OUTER = """\
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: federate
    honor_labels: true
    metrics_path: /federate
    params: {{'match[]': ['{{job="api"}}']}}
    static_configs: [{{targets: ['{address}']}}]
"""


class Federate(EndToEndTest):
    def test_prometheus_and_kilowatch_federate_a_server(self) -> None:
        target = self.exporter("jobs_done 3\n")
        inner = self.serve(INNER.format(address=target.address))
        wait_until(lambda: inner.query("jobs_done"), "the inner server scrapes")
        config = OUTER.format(address=inner.url.removeprefix("http://"))
        outer = self.serve(config + "collectors: {host: {enabled: false}, process: {enabled: false}}\n", folder="outer")
        want = {"__name__": "jobs_done", "instance": target.address, "job": "api", "zone": "eu"}
        wait_until(lambda: outer.query("jobs_done"), "the outer server scrapes")
        self.assertEqual(outer.query("jobs_done")[0]["metric"], want)

        (self.folder / "prometheus.yml").write_text(config, encoding="utf-8")
        port = free_port()
        self.program("prometheus", ["prometheus", f"--config.file={self.folder / 'prometheus.yml'}",
                                    f"--web.listen-address=127.0.0.1:{port}",
                                    f"--storage.tsdb.path={self.folder / 'prometheus'}"])

        def from_prometheus() -> list:
            url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": "jobs_done"})
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]["result"]

        wait_until(from_prometheus, "Prometheus scrapes", 60)
        self.assertEqual(from_prometheus()[0]["metric"], want)


if __name__ == "__main__":
    unittest.main()
