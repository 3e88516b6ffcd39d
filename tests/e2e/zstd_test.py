"""A target that answers in zstd: taken with --enable-feature=zstd-scrape, said to be unasked without."""

import http.server
import threading
import unittest

from harness import EndToEndTest, wait_until

CONFIG = """\
global: {{scrape_interval: 1s}}
collectors: {{host: {{enabled: false}}, process: {{enabled: false}}}}
scrape_configs:
  - job_name: api
    static_configs: [{{targets: ['{address}']}}]
"""


def frame(content: bytes) -> bytes:
    """A frame of one raw block (RFC 8878, 3.1.1), of at most 255 bytes: no program is needed to make it."""
    magic, single_segment, is_last = b"\x28\xb5\x2f\xfd", b"\x20", 1
    return magic + single_segment + bytes([len(content)]) + (len(content) << 3 | is_last).to_bytes(3, "little") + content


class Zstd(EndToEndTest):
    def target(self) -> tuple[str, list[str]]:
        """Answers in zstd whatever is asked. Its address, and the Accept-Encoding of each scrape."""
        body = frame(b"jobs_done 3\n")
        asked: list[str] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802 (the base class's name)
                asked.append(self.headers.get("Accept-Encoding", ""))
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Encoding", "zstd")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.stack.callback(server.server_close)
        self.stack.callback(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"127.0.0.1:{server.server_address[1]}", asked

    def test_is_taken_where_it_is_allowed(self) -> None:
        address, asked = self.target()
        server = self.serve(CONFIG.format(address=address), ["--enable-feature=zstd-scrape"])
        wait_until(lambda: server.query("jobs_done"), "the target is scraped")
        self.assertEqual(server.series_value("jobs_done"), 3)
        self.assertEqual(asked[0], "zstd, gzip;q=0.9")

    def test_is_said_to_be_unasked_elsewhere(self) -> None:
        address, asked = self.target()
        server = self.serve(CONFIG.format(address=address))

        def error() -> str:
            return server.get("/api/v1/targets")["activeTargets"][0]["lastError"]

        wait_until(lambda: "--enable-feature=zstd-scrape" in error(), "the error names the flag")
        self.assertEqual(asked[0], "gzip")


if __name__ == "__main__":
    unittest.main()
