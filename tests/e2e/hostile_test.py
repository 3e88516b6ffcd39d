"""Bad targets, bad queries, bad configurations: each is refused with its reason, and nothing else suffers."""

import gzip
import http.server
import json
import socket
import threading
import time
import unittest
import urllib.parse

import remote_write
from harness import EndToEndTest, wait_until


def targets_by_job(server) -> dict[str, dict]:
    return {t["labels"]["job"]: t for t in server.get("/api/v1/targets")["activeTargets"]}


class HostileTargets(EndToEndTest):
    def raw_target(self, talk) -> str:
        """A socket that gives each connection to `talk`."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.stack.callback(listener.close)

        def accept() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=self.guarded, args=(talk, client), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return f"127.0.0.1:{listener.getsockname()[1]}"

    @staticmethod
    def guarded(talk, client: socket.socket) -> None:
        try:
            with client:
                talk(client)
        except OSError:
            pass  # the scraper hung up, which is what it should do

    def test_each_fails_alone_and_says_why(self) -> None:
        def endless(client: socket.socket) -> None:
            client.recv(4096)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n\r\n")
            while True:
                client.sendall(b"a 1\n" * 1000)

        def silent(client: socket.socket) -> None:
            client.recv(4096)
            time.sleep(30)

        bomb = gzip.compress(b"# " + b"x" * 50_000_000 + b"\n")

        def bombing(client: socket.socket) -> None:
            client.recv(4096)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Encoding: gzip\r\n"
                           b"Content-Length: %d\r\n\r\n" % len(bomb) + bomb)

        good = self.exporter("good 1\n")
        malformed = self.exporter("fine 1\nbroken{a= 2\nfine 3\n")
        many = self.exporter("".join(f'many{{i="{i}"}} {i}\n' for i in range(50)))
        long_label = self.exporter('long{name="' + "x" * 500 + '"} 1\n')
        jobs = {
            "good": (good.address, ""),
            "malformed": (malformed.address, ""),
            "endless": (self.raw_target(endless), "body_size_limit: 1MB"),
            "silent": (self.raw_target(silent), ""),
            "bomb": (self.raw_target(bombing), "body_size_limit: 1MB"),
            "many": (many.address, "sample_limit: 10"),
            "long": (long_label.address, "label_value_length_limit: 100"),
            "nobody": ("127.0.0.1:1", ""),
        }
        config = "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n" + "".join(
            f"  - job_name: {job}\n    static_configs: [{{targets: ['{address}']}}]\n" +
            (f"    {limit}\n" if limit else "") for job, (address, limit) in jobs.items())
        server = self.serve(config)
        bad = [job for job in jobs if job != "good"]
        wait_until(lambda: all(targets_by_job(server)[job]["health"] == "down" for job in bad), "all bad are down", 30)
        errors = {job: targets_by_job(server)[job]["lastError"] for job in bad}
        self.assertIn("line 2", errors["malformed"])
        self.assertIn("1048576", errors["endless"])
        self.assertIn("1048576", errors["bomb"])
        self.assertIn("10", errors["many"])
        self.assertIn("100", errors["long"])
        for job in ("silent", "nobody"):
            self.assertTrue(errors[job])
        self.assertEqual(targets_by_job(server)["good"]["health"], "up")
        self.assertEqual(server.series_value("good"), 1)
        up = {s["metric"]["job"]: s["value"][1] for s in server.query('up{job=~"' + "|".join(jobs) + '"}')}
        self.assertEqual(up, {job: "1" if job == "good" else "0" for job in jobs})
        self.assertEqual(server.query('{__name__=~"fine|many|long|a"}'), [])


class HostileQueries(EndToEndTest):
    def test_are_refused_with_position_and_bounded_memory(self) -> None:
        server = self.serve("global: {scrape_interval: 1s}\n", ["--query.max-samples=10000"])
        wait_until(lambda: server.query("up"), "something is scraped")
        cases = [
            ("(" * 10_000 + "1" + ")" * 10_000, 400, "parse error"),
            ('{__name__=~"((((x{30}){30}){30}){30}){30}"}', 400, ""),
            ("up +", 400, "1:5"),
            ("rate(up)", 400, "1:6"),
            ("vector(1)[30d:1s]", 422, "samples"),
            ("{}", 400, "at least one"),
        ]
        for text, want, part in cases:
            with self.subTest(text[:40]):
                form = urllib.parse.urlencode({"query": text}).encode()
                status, body, _ = server.request("/api/v1/query", form)
                answer = json.loads(body)
                self.assertEqual((status, answer["status"]), (want, "error"), answer)
                self.assertIn(part, answer["error"])
        status, body, _ = server.request("/api/v1/query_range?query=up&start=0&end=1e9&step=1")
        self.assertEqual((status, json.loads(body)["errorType"]), (400, "bad_data"))
        self.assertEqual(server.status("/-/healthy"), 200)


class HostileWrites(EndToEndTest):
    def test_malformed_remote_writes_are_refused_whole(self) -> None:
        server = self.serve("global: {}\n")
        now = int(time.time() * 1000)
        good = remote_write.series({"__name__": "w", "a": "1"}, [(now, 1)])
        cases = {
            "no snappy": b"\xff\xff\xff\xff\x0f",
            "snappy of a terabyte": remote_write.varint(1 << 40) + b"\x00",
            "cut protobuf": remote_write.snappy(good[:-3]),
            "length past the end": remote_write.snappy(b"\x0a\xff\x7f"),
            "label without a name": remote_write.snappy(remote_write.series({"": "x", "__name__": "w"}, [(now, 1)])),
        }
        for name, body in cases.items():
            with self.subTest(name):
                status, answer, _ = server.request("/api/v1/write", body, remote_write.HEADERS)
                self.assertIn(status, (400, 413), answer)
                self.assertTrue(answer.strip())
        self.assertEqual(server.query("w"), [])
        self.assertEqual(server.request("/api/v1/write", remote_write.snappy(good), remote_write.HEADERS)[0], 204)
        self.assertEqual(server.series_value("w"), 1)


class Reload(EndToEndTest):
    # guide: G195
    def test_a_bad_file_changes_nothing_and_names_the_place(self) -> None:
        first = self.exporter("a 1\n")
        second = self.exporter("b 1\n")

        def config(address: str) -> str:
            return ("global: {scrape_interval: 1s}\nscrape_configs:\n  - job_name: one\n"
                    f"    static_configs: [{{targets: ['{address}']}}]\n")

        server = self.serve(config(first.address))
        wait_until(lambda: server.query("a"), "the first target is scraped")
        server.config_path.write_text(config(second.address) + "    scrape_intervall: 3s\n", encoding="utf-8")
        status, body, _ = server.request("/-/reload", b"", method="POST")
        self.assertEqual(status, 500)
        for part in ("prometheus.yml:5", "scrape_intervall"):
            self.assertIn(part, body.decode())
        self.assertEqual(targets_by_job(server)["one"]["scrapeUrl"], f"http://{first.address}/metrics")
        self.assertIn("prometheus_config_last_reload_successful 0", server.request("/metrics")[1].decode())
        server.config_path.write_text(config(second.address), encoding="utf-8")
        self.assertEqual(server.request("/-/reload", b"", method="POST")[0], 200)
        wait_until(lambda: server.query("b"), "the second target is scraped")
        wait_until(lambda: not server.query("a"), "the first target's series are stale")

    # guide: G004
    def test_a_watched_file_adds_and_removes_targets(self) -> None:
        exporter = self.exporter("filed 1\n")
        file = self.folder / "targets.json"
        file.write_text("[]", encoding="utf-8")
        server = self.serve("global: {scrape_interval: 1s}\nscrape_configs:\n  - job_name: filed\n"
                            f"    file_sd_configs: [{{files: ['{file}']}}]\n")
        self.assertNotIn("filed", targets_by_job(server))
        file.write_text(json.dumps([{"targets": [exporter.address], "labels": {"zone": "north"}}]), encoding="utf-8")
        wait_until(lambda: server.query('filed{zone="north"}'), "the target of the file is scraped", 10)
        file.write_text("not a document", encoding="utf-8")
        time.sleep(1)
        self.assertIn("filed", targets_by_job(server))
        file.write_text("[]", encoding="utf-8")
        wait_until(lambda: "filed" not in targets_by_job(server), "the target is gone", 10)


if __name__ == "__main__":
    unittest.main(verbosity=2)
