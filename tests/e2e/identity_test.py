"""One service under several names, one label under several names: selectors find them all, data stay as they came."""

import unittest

from harness import EndToEndTest, wait_until

CONFIG = """\
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: api
    static_configs: [{{targets: ['{api}']}}]
  - job_name: model-service
    static_configs: [{{targets: ['{model}']}}]
"""
IDENTITY = """\
identity:
  services: {model: [model-service], api: [Application]}
  labels: {status: [code, http_response_status_code]}
"""
API = ('http_requests_total{status="200"} 90\nhttp_requests_total{code="503",path="/a"} 8\n'
       'http_requests_total{http_response_status_code="500"} 2\nlogins{service="Application"} 1\n')


class Identity(EndToEndTest):
    # guide: G025, P18
    def test_selectors_find_every_alias_after_a_reload(self) -> None:
        api, model = self.exporter(API), self.exporter('inferences{service="model-service"} 5\n')
        config = CONFIG.format(api=api.address, model=model.address)
        server = self.serve(config)
        wait_until(lambda: server.query("logins") and server.query("inferences"), "both are scraped", 30)
        errors = 'http_requests_total{status=~"5.."}'
        self.assertEqual(server.query(errors), [])
        self.assertEqual(server.query('inferences{service="model"}'), [])

        server.config_path.write_text(config + IDENTITY, encoding="utf-8")
        self.assertEqual(server.request("/-/reload", b"", method="POST")[0], 200)
        found = {series["value"][1]: series["metric"] for series in server.query(errors)}
        self.assertEqual(set(found), {"8", "2"})
        self.assertEqual(found["8"], {"__name__": "http_requests_total", "code": "503", "path": "/a", "job": "api",
                                      "instance": api.address}, "the labels are those that came")
        self.assertEqual(server.series_value(f"sum({errors}) / sum(http_requests_total)"), 0.1)
        self.assertEqual(server.series_value('inferences{service="model"}'), 5)
        self.assertEqual(server.series_value('logins{service="api"}'), 1)
        # What has no service of its own is of the service that its job is an alias of.
        self.assertEqual(server.series_value('up{service="model"}'), 1)
        self.assertEqual({s["job"] for s in server.get("/api/v1/series", **{"match[]": '{service="model"}'})},
                         {"model-service"})
        self.assertEqual(server.get("/api/v1/label/status/values", **{"match[]": "http_requests_total"}), ["200", "500", "503"])
        self.assertIn("identity:", server.get("/api/v1/status/config")["yaml"])

        server.config_path.write_text(config + IDENTITY.replace("Application", "model"), encoding="utf-8")
        status, body, _ = server.request("/-/reload", b"", method="POST")
        self.assertEqual(status, 500)
        self.assertIn("identity.services: api: model stands for model already", body.decode())
        self.assertEqual(server.series_value('inferences{service="model"}'), 5, "the old table acts on")


if __name__ == "__main__":
    unittest.main(verbosity=2)
