"""kill -9 at random moments while alerts are notified to receivers that hang, refuse and drop: each alert that was posted
or that a rule fired is told of, and so is its end; what comes twice is at most the message that was in flight at a kill,
under the same dedup key. A hundred kills with KW_FULL=1."""

import http.server
import json
import pathlib
import random
import threading
import time
import unittest

from harness import FULL, EndToEndTest, Server, wait_until

KILLS = 100 if FULL else 4
ATTEMPT_SECONDS = 10  # what is not answered by then is sent again
PATHS = ("/hook", "/slack", "/v2/enqueue")

CONFIG = """\
global: {{scrape_interval: 200ms, evaluation_interval: 200ms}}
rule_files: [rules.yml]
collectors: {{host: {{enabled: false}}, process: {{enabled: false}}}}
scrape_configs:
  - job_name: faults
    static_configs: [{{targets: ['{address}']}}]
"""

RULES = """\
groups:
  - name: faults
    rules:
      - alert: RuleFault
        expr: fault > 0
"""

# Each text names the alerts of its group, and the life of the server that sent it: "3 4|5|http://life7/" is 3 and 4 firing,
# 5 resolved, sent after the seventh kill.
ALERTMANAGER = """\
global: {{resolve_timeout: 20s}}
route:
  receiver: everyone
  group_by: [alertname, batch]
  group_wait: 50ms
  group_interval: 1s
  repeat_interval: 4h
receivers:
  - name: everyone
    pagerduty_configs:
      - routing_key: 0123456789abcdef0123456789abcdef
        url: {url}/v2/enqueue
        description: '{{{{ template "ids" . }}}}'
    slack_configs:
      - api_url: {url}/slack
        channel: '#alerts'
        send_resolved: true
        text: '{{{{ template "ids" . }}}}'
    webhook_configs:
      - url: {url}/hook
templates: ['{folder}/ids.tmpl']
"""

TEMPLATE = """\
{{ define "ids" }}{{ range .Alerts.Firing }}{{ .Labels.id }} {{ end }}|{{ range .Alerts.Resolved }}{{ .Labels.id }} {{ end }}|\
{{ .ExternalURL }}{{ end }}"""


class Message:
    """What a receiver took: of which life of the server, and which alerts it names."""

    def __init__(self, path: str, body: dict):
        self.at = time.monotonic()
        if path == "/hook":
            by_status: dict[str, list[str]] = {"firing": [], "resolved": []}
            for alert in body["alerts"]:
                by_status[alert["status"]].append(alert["labels"]["id"])
            self.firing, self.resolved = frozenset(by_status["firing"]), frozenset(by_status["resolved"])
            self.key, self.life = body["groupKey"], body["externalURL"]
        else:
            text = body["attachments"][0]["text"] if path == "/slack" else body["payload"]["summary"]
            firing, resolved, self.life = text.split("|")
            self.firing, self.resolved = frozenset(firing.split()), frozenset(resolved.split())
            self.key = body["dedup_key"] if path == "/v2/enqueue" else ""

    def says_the_same(self, other: "Message") -> bool:
        return (self.firing, self.resolved) == (other.firing, other.resolved)


class HttpServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024  # all groups may end at once; of those that the kernel drops nobody hears in time


class Receivers:
    """Of what comes a part is taken, at once or late; the rest is refused, dropped, or kept waiting and dropped."""

    def __init__(self, chance: random.Random):
        self.lock = threading.Lock()
        self.is_kind = False  # true: everything is taken at once
        self.attempts = 0
        self.taken: dict[str, list[Message]] = {path: [] for path in PATHS}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def handle(self) -> None:
                try:
                    super().handle()
                except ConnectionError:
                    pass  # the server was killed meanwhile

            def do_POST(self) -> None:  # noqa: N802 (the base class's name)
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with outer.lock:
                    outer.attempts += 1
                    verdict = 1.0 if outer.is_kind else chance.random()
                    delay = chance.uniform(0.1, 0.8) if verdict < 0.25 else 0
                    status = 503 if 0.25 <= verdict < 0.35 else 429 if 0.35 <= verdict < 0.42 else 200
                    is_dropped = verdict < 0.1 or 0.42 <= verdict < 0.5
                    # What it answers is settled when it comes.
                    if status == 200 and not is_dropped:
                        outer.taken[self.path].append(Message(self.path, body))
                time.sleep(delay)
                self.close_connection = True
                if is_dropped:
                    return
                self.send_response(status)
                if status == 429:
                    self.send_header("Retry-After", "1")
                payload = b"ok" if status == 200 else b""
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_arguments: object) -> None:
                pass

        self.server = HttpServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def told(self, path: str, is_resolved: bool) -> set[str]:
        with self.lock:
            return {one for message in self.taken[path]
                    for one in (message.resolved if is_resolved else message.firing)}

    def told_everywhere(self, is_resolved: bool) -> set[str]:
        return set.intersection(*(self.told(path, is_resolved) for path in PATHS))


class KillDuringNotification(EndToEndTest):
    def post(self, server: Server, alerts: list[tuple[str, str]], ended: bool) -> None:
        """Says it once; what was answered with 200 is not said again."""
        body = []
        for one, batch in alerts:
            alert = {"labels": {"alertname": "Posted", "id": one, "batch": batch}}
            now = time.time()
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now if ended else now + 36_000))
            alert["endsAt"] = f"{stamp}.{int(now * 1000) % 1000:03d}Z"
            body.append(alert)
        status, answer, _ = server.request("/api/v2/alerts", json.dumps(body).encode(),
                                           {"Content-Type": "application/json"})
        self.assertEqual(status, 200, answer)

    def test_each_alert_and_its_end_is_told(self) -> None:
        seed = random.randrange(1 << 30)
        print(f"seed {seed}")
        chance = random.Random(seed)
        receivers = Receivers(random.Random(seed + 1))
        self.stack.callback(receivers.server.shutdown)
        faults: dict[str, tuple[str, int]] = {}  # id: batch, value
        target = self.exporter(lambda: "".join(f'fault{{id="{one}",batch="{batch}"}} {value}\n'
                                               for one, (batch, value) in list(faults.items())) or "none 0\n")
        folder = self.folder / "kw"
        folder.mkdir()
        (folder / "rules.yml").write_text(RULES, encoding="utf-8")
        (folder / "ids.tmpl").write_text(TEMPLATE, encoding="utf-8")
        path: pathlib.Path = folder / "alertmanager.yml"
        path.write_text(ALERTMANAGER.format(url=receivers.url, folder=folder), encoding="utf-8")
        flags = [f"--alertmanager.config.file={path}", "--rules.alert.resend-delay=1s"]
        server = self.serve(CONFIG.format(address=target.address), flags)
        posted: dict[str, str] = {}  # id: batch
        ended: set[str] = set()
        for kill in range(KILLS):
            batch = f"b{kill // 2}"  # two rounds share a group
            fresh = [(f"p{kill}-{n}", batch) for n in range(3)]
            self.post(server, fresh, ended=False)
            posted.update(fresh)
            for n in range(3):
                faults[f"r{kill}-{n}"] = (batch, 1)
            # Those that everybody was told of may end; some do, before the kill or while nobody listens.
            known = sorted(receivers.told_everywhere(False) - ended)
            ending = [one for one in known if chance.random() < 0.4]
            if gone := [(one, posted[one]) for one in ending if one in posted]:
                self.post(server, gone, ended=True)
            for one in ending:
                if one in faults:
                    faults[one] = (faults[one][0], 0)
            ended.update(ending)
            time.sleep(chance.uniform(0.0, 0.9))
            server.kill()
            server.flags = [*flags, f"--web.external-url=http://life{kill + 1}/"]
            self.restart(server)
            self.processes = [server.process]
        everything = posted.keys() | faults.keys()
        receivers.is_kind = True
        wait_until(lambda: receivers.told_everywhere(False) >= everything, "each alert is told of", 120)
        if gone := [(one, batch) for one, batch in posted.items() if one not in ended]:
            self.post(server, gone, ended=True)
        for one, (batch, _) in list(faults.items()):
            faults[one] = (batch, 0)
        wait_until(lambda: receivers.told_everywhere(True) >= everything, "each end is told of", 120)
        self.check_repeats(receivers)

    def check_repeats(self, receivers: Receivers) -> None:
        repeats = 0
        for path in PATHS:
            last: dict[str, Message] = {}
            keys: dict[str, str] = {}
            for message in receivers.taken[path]:
                # Alerts of a kind and batch are a group.
                one = next(iter(message.firing | message.resolved))
                group = f"{one[0]}{int(one[1:].partition('-')[0]) // 2}"
                self.assertEqual(keys.setdefault(group, message.key), message.key, "the key of a group stays")
                before = last.get(group)
                if before is not None and message.says_the_same(before):
                    repeats += 1
                    self.assertTrue(message.life != before.life or message.at - before.at > ATTEMPT_SECONDS - 1,
                                    f"{path} was told twice without a kill: {message.firing} {message.resolved}")
                last[group] = message
        total = sum(len(taken) for taken in receivers.taken.values())
        print(f"{KILLS} kills, {receivers.attempts} attempts, {total} messages taken, {repeats} of them again")


if __name__ == "__main__":
    unittest.main(verbosity=2)
