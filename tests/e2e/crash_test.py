"""kill -9 at random moments under load: nothing acknowledged is lost, nothing a query returned is lost, nothing
that was never sent appears, and the server is back within seconds. KW_FULL=1 kills fifty times."""

import random
import threading
import time
import unittest
import urllib.error

import remote_write
from harness import FULL, EndToEndTest, Server, wait_until

KILLS = 50 if FULL else 4
WRITERS = 4


class Writer(threading.Thread):
    """Pushes one sample after the other for a few series, and remembers what was acknowledged."""

    def __init__(self, server: Server, number: int, start_ms: int):
        super().__init__(daemon=True)
        self.server, self.number, self.next_ms = server, number, start_ms
        self.acknowledged: set[int] = set()
        self.sent: set[int] = set()
        self.stopping = False
        self.refused: list[tuple[int, bytes]] = []

    def run(self) -> None:
        while not self.stopping:
            timestamp = self.next_ms
            self.next_ms += 1
            body = b"".join(
                remote_write.series({"__name__": "crash_total", "job": "crash", "instance": str(self.number),
                                     "part": str(part)}, [(timestamp, float(timestamp % 1000 * 10 + part))])
                for part in range(20))
            self.sent.add(timestamp)
            try:
                status, answer, _ = self.server.request("/api/v1/write", remote_write.snappy(body),
                                                        remote_write.HEADERS)
            except (OSError, urllib.error.URLError, ConnectionError, ValueError):
                return  # the server was killed
            except Exception:  # http.client raises several kinds when the other side dies mid-answer
                return
            if status // 100 == 2:
                self.acknowledged.add(timestamp)
            else:
                self.refused.append((status, answer))


class KillUnderLoad(EndToEndTest):
    # guide: G002
    def test_every_acknowledged_sample_is_there(self) -> None:
        seed = random.randrange(1 << 30)
        print(f"seed {seed}")
        chance = random.Random(seed)
        exporter = self.exporter("scraped_total 7\n")
        server = self.serve("global: {scrape_interval: 1s}\nscrape_configs:\n  - job_name: scraped\n"
                            f"    scrape_interval: 200ms\n    scrape_timeout: 200ms\n"
                            f"    static_configs: [{{targets: ['{exporter.address}']}}]\n")
        base_ms = int(time.time() * 1000) - 3_600_000
        acknowledged: dict[int, set[int]] = {n: set() for n in range(WRITERS)}
        sent: dict[int, set[int]] = {n: set() for n in range(WRITERS)}
        slowest = 0.0
        for kill in range(KILLS):
            writers = [Writer(server, n, base_ms + kill * 10_000) for n in range(WRITERS)]
            for writer in writers:
                writer.start()
            time.sleep(chance.uniform(0.05, 1.2))
            seen_at = time.time()
            seen = server.query("count_over_time(scraped_total[1h])", time=seen_at)
            server.kill()
            for writer in writers:
                writer.stopping = True
                writer.join()
                self.assertEqual(writer.refused, [])
                acknowledged[writer.number] |= writer.acknowledged
                sent[writer.number] |= writer.sent
            began = time.monotonic()
            self.restart(server)
            slowest = max(slowest, time.monotonic() - began)
            if seen:
                again = server.query("count_over_time(scraped_total[1h])", time=seen_at)
                self.assertGreaterEqual(float(again[0]["value"][1]), float(seen[0]["value"][1]))
        for number in range(WRITERS):
            self.assertGreater(len(acknowledged[number]), 0)
            for part in (0, 19):
                result = server.query(f'crash_total{{instance="{number}",part="{part}"}}[2h]')
                held = {round(t * 1000): float(v) for t, v in result[0]["values"]}
                missing = acknowledged[number] - held.keys()
                self.assertFalse(missing, f"{len(missing)} acknowledged samples are missing")
                self.assertFalse(held.keys() - sent[number], "samples that were never sent")
                wrong = {t: v for t, v in held.items() if v != t % 1000 * 10 + part}
                self.assertEqual(wrong, {})
        total = sum(len(s) for s in acknowledged.values())
        print(f"{KILLS} kills, {total * 20} acknowledged samples, all there; slowest start {slowest:.2f} s")
        self.assertLess(slowest, 10)

    def test_a_second_server_on_the_same_data_is_refused(self) -> None:
        server = self.serve("global: {}\n")
        with self.assertRaises(SystemError) as refused:
            Server(server.folder, "global: {}\n").start()
        self.assertIn("locked by process", str(refused.exception))
        wait_until(lambda: server.status("/-/ready") == 200, "the first goes on")

    def test_a_graceful_stop_keeps_everything_and_ends_with_zero(self) -> None:
        server = self.serve("global: {}\n")
        now_ms = int(time.time() * 1000)
        body = remote_write.series({"__name__": "kept"}, [(now_ms - 1000, 1.5), (now_ms, 2.5)])
        self.assertEqual(server.request("/api/v1/write", remote_write.snappy(body), remote_write.HEADERS)[0], 204)
        self.assertEqual(server.stop(), 0)
        self.restart(server)
        self.assertEqual([v for _, v in server.query("kept[1m]", time=now_ms / 1000)[0]["values"]], ["1.5", "2.5"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
