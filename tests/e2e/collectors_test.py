"""The collectors of other servers: against Debian's exporters on the same server, name by name and label by label,
and what happens when a server is slow, dead or says no."""

import contextlib
import http.server
import re
import socket
import ssl
import threading
import time
import unittest
import urllib.parse
import urllib.request

from harness import EndToEndTest, Server, free_port, wait_until

Families = dict[str, str]  # a series' name -> its type
Labels = dict[str, set[frozenset[str]]]  # a series' name -> the sets of label names that occur

SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
# What a scrape adds.
OWN = {"job", "instance"}


def read_exposition(text: str, prefix: str) -> tuple[Families, Labels]:
    types: Families = {}
    labels: Labels = {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:4]
            types[name] = "unknown" if kind == "untyped" else kind
        elif (sample := SAMPLE.match(line)) and sample.group(1).startswith(prefix):
            # An empty label is none.
            names = frozenset(n for n, value in LABEL.findall(sample.group(2) or "") if value)
            labels.setdefault(sample.group(1), set()).add(names)
    return {name: kind for name, kind in types.items() if name.startswith(prefix)}, labels


def read_stored(server: Server, job: str) -> tuple[Families, Labels]:
    labels: Labels = {}
    for series in server.query(f'{{job="{job}"}}'):
        names = dict(series["metric"])
        labels.setdefault(names.pop("__name__"), set()).add(frozenset(set(names) - OWN))
    metadata = server.get("/api/v1/metadata")
    return {name: entries[0]["type"] for name, entries in metadata.items()}, labels


class Comparison(EndToEndTest):
    def compare(self, debian: tuple[Families, Labels], ours: tuple[Families, Labels], *, renamed: dict[str, str],
                left_out: set[str], more_labels: dict[str, set[str]], types: dict[str, str],
                fewer_labels: set[str]) -> None:
        """`renamed`, `left_out` and so on are the whole list of differences: docs/collectors.md has it too."""
        their_types, their_labels = debian
        our_types, our_labels = ours
        for name, label_sets in sorted(their_labels.items()):
            if any(re.fullmatch(pattern, name) for pattern in left_out):
                self.assertFalse(name in our_labels, f"{name} is there: take it off the list")
                continue
            with self.subTest(name):
                new_name = renamed.get(name, name)
                self.assertTrue(new_name in our_labels, f"{new_name} is not there")
                theirs = {labels - fewer_labels for labels in label_sets}
                added = more_labels.get(new_name, set())
                mine = {labels - added for labels in our_labels[new_name]}
                self.assertLessEqual(theirs, mine, "label sets of theirs that do not occur")
                self.assertLessEqual(mine, theirs, "label sets of ours that theirs have not")
                family = re.sub("_(sum|count|bucket)$", "", name) if name not in their_types else name
                if family in their_types:
                    self.assertEqual(types.get(new_name, their_types[family]),
                                     our_types.get(re.sub("_(sum|count|bucket)$", "", new_name)
                                                   if new_name not in our_types else new_name))

    def scraped(self, url: str) -> str:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read().decode()


# What tells of the exporter itself, and the collectors that docs/collectors.md names as not there.
LEFT_OUT_OF_HOST = {"node_exporter_build_info",
                    "node_(hwmon|thermal_zone|cooling_device|rapl|edac|cpu_frequency|cpu_scaling|selinux|bcache|bonding|btrfs|dmi|"
                    "fibrechannel|infiniband|ipvs|md|nfs|nfsd|nvme|power_supply|schedstat|tape|xfs|zfs|disk_ata|"
                    "disk_device_mapper|disk_filesystem)_.*"}


class Host(Comparison):
    # guide: G240, G241, G242
    def test_the_same_names_and_labels_as_debians_exporter(self) -> None:
        port = free_port()
        self.program("node", ["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}"])
        url = f"http://127.0.0.1:{port}/metrics"

        def answer() -> str:
            try:
                return self.scraped(url)
            except OSError:
                return ""

        text = wait_until(answer, "Debian's exporter answers", 60)
        server = self.serve("collectors: {scrape_interval: 1s}\n")
        wait_until(lambda: server.query("node_load1"), "the host is read", 30)
        self.compare(read_exposition(text, "node_"), read_stored(server, "host"), renamed={}, left_out=LEFT_OUT_OF_HOST,
                     more_labels={"node_disk_info": {"rotational"}, "node_network_info": {"adminstate"},
                                  **{name: {"device_error"} for name in read_exposition(text, "node_filesystem_")[1]}},
                     types={}, fewer_labels=set())


class Postgres(Comparison):
    def psql(self, port: int, *statements: str) -> str:
        return self.tool("psql", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-v", "ON_ERROR_STOP=1", "-Atq",
                         *[part for statement in statements for part in ("-c", statement)])

    def start_server(self) -> int:
        port = self.start_postgres("shared_preload_libraries=pg_stat_statements", "track_io_timing=on")
        wait_until(lambda: not self.psql_fails(port), "PostgreSQL answers", 60)
        self.psql(port, "CREATE EXTENSION pg_stat_statements", "CREATE TABLE load (at int PRIMARY KEY, mw float)",
                  "INSERT INTO load SELECT g, g FROM generate_series(1, 1000) g",
                  "CREATE ROLE kilowatch LOGIN", "GRANT pg_monitor TO kilowatch")
        return port

    def psql_fails(self, port: int) -> bool:
        return "1" != self.tool("psql", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-Atqc", "SELECT 1",
                                expect=None).strip()

    # guide: G029, G030, G031, G162, P10
    def test_the_same_names_and_labels_as_debians_exporter(self) -> None:
        port, exporter = self.start_server(), free_port()
        self.program("exporter", ["prometheus-postgres-exporter", f"--web.listen-address=127.0.0.1:{exporter}"],
                     {"DATA_SOURCE_NAME": f"postgresql://postgres@127.0.0.1:{port}/postgres?sslmode=disable"})
        server = self.serve(f"""\
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
collectors:
  postgres:
    - dsn: postgresql://kilowatch@127.0.0.1:{port}/postgres
      statement_text: true
""")
        wait_until(lambda: server.query("pg_up == 1"), "the collector has asked", 30)
        theirs = wait_until(lambda: self.scraped(f"http://127.0.0.1:{exporter}/metrics"), "the exporter answers")
        ours = read_stored(server, "postgres")
        self.assertEqual(server.query("pg_scrape_collector_success == 0"), [], "the least role may do all of it")
        self.compare(
            read_exposition(theirs, "pg_"), ours, renamed={},
            left_out={"pg_exporter_.*", "pg_stat_archiver_last_archive_age", "pg_stat_database_checksum_.*"},
            more_labels={name: {"usename", "application_name", "backend_type", "wait_event_type", "wait_event"}
                         for name in ("pg_stat_activity_count", "pg_stat_activity_max_tx_duration")},
            types={name: "unknown" if name == "pg_static" else "counter" for name in ours[0]
                   if name == "pg_static" or re.fullmatch("pg_stat_database_(.*_time|sessions.*)", name)},
            fewer_labels={"server"})

        # What the guide asks, and what nothing of Debian's has.
        for query in ("pg_stat_activity_count", "rate(pg_stat_statements_total[5m])",
                      "pg_stat_database_blks_hit / (pg_stat_database_blks_hit + pg_stat_database_blks_read)",
                      "sum(pg_stat_activity_count) / on () pg_settings_max_connections",
                      'pg_stat_user_tables_n_live_tup{relname="load"} == 1000',
                      'pg_stat_user_indexes_idx_scan_total{indexrelname="load_pkey"}',
                      'pg_stat_statements_query_id{query=~"INSERT INTO load.*"}',
                      "pg_database_wraparound_age_datfrozenxid_seconds", "pg_replication_is_replica == 0",
                      'pg_blocked_sessions{datname="postgres"} == 0', "pg_wal_size_bytes"):
            wait_until(lambda q=query: server.query(q), f"{query} answers", 30)

        # A session that another one holds up.
        holder = self.program("holder", ["psql", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-c",
                                         "BEGIN; LOCK TABLE load; SELECT pg_sleep(60)"])
        wait_until(lambda: "1" == self.psql(port, "SELECT count(*) FROM pg_locks WHERE granted AND "
                                            "mode = 'AccessExclusiveLock' AND relation = 'load'::regclass").strip(),
                   "the table is locked")
        waiter = self.program("waiter", ["psql", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-c",
                                         "SELECT count(*) FROM load"])
        wait_until(lambda: server.query('pg_blocked_sessions{datname="postgres"} == 1'), "the waiting one is seen")
        self.assertEqual(server.series_value('pg_blocking_sessions{datname="postgres"}'), 1)
        # The locked table cannot be measured; its figures, and everybody else's, are there.
        wait_until(lambda: not server.query('pg_stat_user_tables_table_size_bytes{relname="load"}'), "its size is not")
        self.assertTrue(server.query('pg_stat_user_tables_n_live_tup{relname="load"}'))
        self.assertEqual(server.series_value('min_over_time(up{job="postgres"}[1m])'), 1)
        for client in (waiter, holder):
            client.stop()

    def test_a_dead_and_a_silent_server_fail_alone(self) -> None:
        port = self.start_server()
        with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never says a word
            server = self.serve(f"""\
global: {{scrape_interval: 1s, scrape_timeout: 900ms}}
collectors:
  postgres:
    - {{dsn: 'postgresql://kilowatch@127.0.0.1:{port}/postgres', instance: alive}}
    - {{dsn: 'postgresql://kilowatch@127.0.0.1:{free_port()}/postgres', instance: dead}}
    - {{dsn: 'postgresql://kilowatch@127.0.0.1:{silent.getsockname()[1]}/postgres', instance: silent}}
    - {{dsn: 'postgresql://nobody@127.0.0.1:{port}/postgres', instance: refused}}
""")
            wait_until(lambda: len(server.query("pg_up")) == 4, "all four have been asked")
            for instance, want in (("alive", 1), ("dead", 0), ("silent", 0), ("refused", 0)):
                self.assertEqual(server.series_value(f'pg_up{{instance="{instance}"}}'), want, instance)
                self.assertEqual(server.series_value(f'up{{instance="{instance}"}}'), want, instance)
            errors = {t["labels"]["instance"]: t["lastError"] for t in server.get("/api/v1/targets")["activeTargets"]}
            self.assertIn("refused", errors["dead"])
            self.assertIn("no answer within 900 ms", errors["silent"])
            self.assertIn('role "nobody" does not exist', errors["refused"])
            self.assertEqual(server.series_value('count_over_time(up{instance="alive"}[10s]) >= bool 1'), 1)
            self.assertLess(server.series_value('scrape_duration_seconds{instance="alive"}'), 0.5)
            # A reload keeps the connection of a server that stays, and closes that of one that goes.
            def sessions() -> str:
                return self.psql(port, "SELECT pid FROM pg_stat_activity WHERE application_name = 'kilowatch'").strip()

            session = sessions()
            self.assertRegex(session, r"^\d+$")
            scrapes = "global: {scrape_interval: 1s, scrape_timeout: 900ms}\ncollectors:\n  postgres:\n"
            alive = f"    - {{dsn: 'postgresql://kilowatch@127.0.0.1:{port}/postgres', instance: alive}}\n"
            mute = f"    - {{dsn: 'postgresql://kilowatch@127.0.0.1:{silent.getsockname()[1]}/x', instance: silent}}\n"
            server.config_path.write_text(scrapes + alive + mute)
            self.assertEqual(server.request("/-/reload", method="POST")[0], 200)
            wait_until(lambda: len(server.query("pg_up")) == 2, "the others are gone")
            self.assertEqual(sessions(), session)
            server.config_path.write_text(scrapes + mute)
            self.assertEqual(server.request("/-/reload", method="POST")[0], 200)
            wait_until(lambda: sessions() == "", "the session has ended")

            # Stopping waits for no server.
            begin = time.monotonic()
            self.assertEqual(server.stop(), 0)
            self.assertLess(time.monotonic() - begin, 5)


class Redis(Comparison):
    def command(self, port: int, *words: str) -> str:
        return self.tool("redis-cli", "-p", str(port), *words)

    # guide: G032, G033, G034
    def test_the_same_names_and_labels_as_debians_exporter(self) -> None:
        port, exporter = self.start_redis(), free_port()
        wait_until(lambda: "PONG" in self.tool("redis-cli", "-p", str(port), "ping", expect=None), "Redis answers")
        for words in (("set", "session:1", "7"), ("set", "session:2", "x"), ("rpush", "queue", "a", "b", "c"),
                      ("expire", "session:2", "1000"), ("nonsense",), ("config", "set", "latency-monitor-threshold", "1"),
                      ("config", "set", "slowlog-log-slower-than", "0")):
            self.command(port, *words)
        self.program("exporter", ["prometheus-redis-exporter", f"-redis.addr=redis://127.0.0.1:{port}",
                                  f"-web.listen-address=127.0.0.1:{exporter}", "-count-keys=db0=session:*",
                                  "-check-single-keys=db0=queue,db0=session:1"])
        server = self.serve(f"""\
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
collectors:
  redis:
    - address: 127.0.0.1:{port}
      count_keys: ['db0=session:*']
      check_keys: [queue, 'db0=session:1']
""")
        theirs = wait_until(lambda: self.scraped(f"http://127.0.0.1:{exporter}/metrics"), "the exporter answers")
        wait_until(lambda: server.query('redis_commands_total{cmd="slowlog|get"}'), "the collector has asked twice")
        self.compare(
            read_exposition(theirs, "redis_"), read_stored(server, "redis"), renamed={},
            left_out={"redis_exporter_.*", "redis_target_scrape_request_errors_total",
                      "redis_last_key_groups_scrape_duration_milliseconds"},
            more_labels={"redis_instance_info": {"master_replid"}},
            types={"redis_expired_time_cap_reached_total": "counter"}, fewer_labels=set())
        self.assertEqual(server.series_value('redis_keys_count{key="session:*"}'), 2)
        self.assertEqual(server.series_value('redis_key_size{key="queue"}'), 3)
        self.assertEqual(server.series_value('redis_key_value{key="session:1"}'), 7)
        self.assertGreater(server.series_value('redis_key_memory_usage_bytes{key="queue"}'), 0)
        self.assertEqual(server.series_value('redis_db_keys{db="db0"}'), 3)
        for query in ("redis_memory_used_bytes > 0", "redis_connected_clients > 0", "redis_slowlog_length > 0",
                      "redis_keyspace_hits_total / (redis_keyspace_hits_total + redis_keyspace_misses_total)"):
            self.assertTrue(server.query(query), query)

    def test_a_user_of_least_rights_and_a_wrong_password(self) -> None:
        port = self.start_redis()
        wait_until(lambda: "PONG" in self.tool("redis-cli", "-p", str(port), "ping", expect=None), "Redis answers")
        self.command(port, "acl", "setuser", "kilowatch", "on", ">right", "-@all", "+info", "+ping", "+slowlog|len")
        (self.folder / "right").write_text("right\n")
        (self.folder / "wrong").write_text("wrong\n")
        server = self.serve(f"""\
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
collectors:
  redis:
    - {{address: '127.0.0.1:{port}', username: kilowatch, password_file: {self.folder}/right, instance: right}}
    - {{address: '127.0.0.1:{port}', username: kilowatch, password_file: {self.folder}/wrong, instance: wrong}}
""")
        wait_until(lambda: len(server.query("redis_up")) == 2, "both have been asked")
        self.assertEqual(server.series_value('redis_up{instance="right"}'), 1)
        self.assertEqual(server.series_value('redis_up{instance="wrong"}'), 0)
        self.assertTrue(server.query('redis_slowlog_length{instance="right"}'))
        self.assertFalse(server.query('redis_config_maxmemory{instance="right"}'))
        errors = {t["labels"]["instance"]: t["lastError"] for t in server.get("/api/v1/targets")["activeTargets"]}
        self.assertIn("WRONGPASS", errors["wrong"])
        self.assertNotIn("wrong", errors["wrong"].lower().replace("wrongpass", ""))


class HealthEndpoint:
    """Answers what the test says; None answers nothing for a while."""

    def __init__(self, test: EndToEndTest):
        self.status, self.body = 200, b"{}"
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:  # noqa: N802 (the base class's name)
                if endpoint.body is None:
                    time.sleep(0.8)
                body = endpoint.body or b""
                self.send_response(endpoint.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Last-Modified", "Wed, 21 Oct 2015 07:28:00 GMT")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # clients that do not trust the certificate hang up
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        test.stack.callback(self.server.server_close)
        test.stack.callback(self.server.shutdown)


class Health(EndToEndTest):
    GUIDE = b'{"status": "healthy", "components": {"database": true, "cache": "ok", "model": {"status": "up"}}}'

    # guide: G226, G227, G228, G231, G234
    def test_bodies_become_component_status(self) -> None:
        endpoint = HealthEndpoint(self)
        endpoint.body = self.GUIDE
        server = self.serve(f"""\
global: {{scrape_interval: 600ms, scrape_timeout: 500ms}}
collectors:
  health: [{{service: api, url: '{endpoint.url}/health'}}]
""")

        def components() -> dict[str, float]:
            return {s["metric"]["component"]: float(s["value"][1])
                    for s in server.query('health_component_status{service="api"}')}

        steps = (  # status, body, the whole, components, up
            (200, self.GUIDE, 1, {"database": 1, "cache": 1, "model": 1}, 1),
            (200, self.GUIDE.replace(b"true", b"false"), 0, {"database": 0, "cache": 1, "model": 1}, 1),
            (503, self.GUIDE, 0, {"database": 1, "cache": 1, "model": 1}, 1),
            (200, b"<html>", 0, {}, 0),
            (200, self.GUIDE, 1, {"database": 1, "cache": 1, "model": 1}, 1),
            (200, None, 0, {}, 0),  # no answer in time
        )
        for endpoint.status, endpoint.body, whole, parts, up in steps:
            with self.subTest(body=endpoint.body, status=endpoint.status):
                wait_until(lambda w=whole, p=parts, u=up: (server.series_value("health_status"), components(),
                                                           server.series_value('up{job="health"}')) == (w, p, u),
                           f"the whole is {whole} and the parts are {parts}")


class Probes(Comparison):
    def tls_server(self) -> int:
        """A TLS server with a certificate of its own for localhost; returns its port."""
        self.tool("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                  "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout",
                  str(self.folder / "key.pem"), "-out", str(self.folder / "cert.pem"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "cert.pem", self.folder / "key.pem")
        endpoint = HealthEndpoint(self)
        endpoint.body = b"all is well"
        # The handshake belongs to the connection's thread, not to the one that accepts.
        plain = endpoint.server.get_request

        def get_request() -> tuple[socket.socket, object]:
            connection, address = plain()
            return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

        endpoint.server.get_request = get_request
        return endpoint.server.server_address[1]

    def dns_server(self) -> int:
        """Knows the address of example.org, and says NXDOMAIN to every other name."""
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("127.0.0.1", 0))

        def answer() -> None:
            while True:
                try:
                    question, client = server.recvfrom(512)
                except OSError:
                    return
                end = question.index(b"\0", 12) + 5
                known = b"\x07example\x03org\0" in question
                flags = b"\x81\x80" if known else b"\x81\x83"
                record = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\0\0\x01" if known else b""
                answer_bytes = question[:2] + flags + b"\0\x01" + (b"\0\x01" if known else b"\0\0") + bytes(4) + \
                    question[12:end] + record
                with contextlib.suppress(OSError):
                    server.sendto(answer_bytes, client)

        threading.Thread(target=answer, daemon=True).start()
        self.stack.callback(server.close)
        return server.getsockname()[1]

    # guide: G229, G230, G232
    def test_every_kind_and_the_same_names_as_debians_exporter(self) -> None:
        endpoint, tls, dns, redis, postgres = HealthEndpoint(self), self.tls_server(), self.dns_server(), \
            self.start_redis(), self.start_postgres()
        endpoint.body = b"all is well"
        ca = self.folder / "cert.pem"
        dead = free_port()
        server = self.serve(f"""\
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
collectors:
  probes:
    - {{kind: http, target: '{endpoint.url}/', instance: http, service: api, component: external_api,
       fail_if_body_not_matches_regexp: [well]}}
    - {{kind: http, target: '{endpoint.url}/', instance: http-regex, fail_if_body_matches_regexp: [well]}}
    - {{kind: http, target: 'https://localhost:{tls}/', instance: https, tls_config: {{ca_file: {ca}}}}}
    - {{kind: http, target: 'https://localhost:{tls}/', instance: https-untrusted}}
    - {{kind: http, target: 'http://127.0.0.1:{dead}/', instance: http-dead, service: api, component: dead_api}}
    - {{kind: tcp, target: '127.0.0.1:{redis}', instance: tcp}}
    - {{kind: tcp, target: '127.0.0.1:{dead}', instance: tcp-dead}}
    - {{kind: tls, target: 'localhost:{tls}', instance: tls, tls_config: {{ca_file: {ca}}}}}
    - {{kind: tls, target: 'localhost:{tls}', instance: tls-untrusted}}
    - {{kind: dns, target: '127.0.0.1:{dns}', query_name: example.org, instance: dns}}
    - {{kind: dns, target: '127.0.0.1:{dns}', query_name: example.net, instance: dns-unknown}}
    - {{kind: postgres, target: 'postgresql://postgres@127.0.0.1:{postgres}/postgres', instance: postgres}}
    - {{kind: redis, target: '127.0.0.1:{redis}', instance: redis}}
    - {{kind: redis, target: '127.0.0.1:{dead}', instance: redis-dead}}
""")
        failing = {"http-regex", "https-untrusted", "http-dead", "tcp-dead", "tls-untrusted", "dns-unknown",
                   "redis-dead"}

        def fails() -> set[str] | None:
            results = {s["metric"]["instance"]: s["value"][1] for s in server.query("probe_success")}
            return {name for name, value in results.items() if value == "0"} if len(results) == 14 else None

        wait_until(lambda: fails() == failing, f"all have been probed, and what fails is {sorted(failing)}", 60)
        self.assertEqual(server.query('up{job=~"probe-.*"} == 0'), [], "a probe that fails is a good scrape")
        self.assertEqual(server.series_value('health_component_status{service="api",component="external_api"}'), 1)
        self.assertEqual(server.series_value('health_component_status{service="api",component="dead_api"}'), 0)
        days = server.series_value('(probe_ssl_earliest_cert_expiry{instance="tls"} - time()) / 86400')
        self.assertAlmostEqual(days, 30, delta=1.1)
        self.assertEqual(server.series_value('probe_ssl_earliest_cert_expiry{instance="https"}'),
                         server.series_value('probe_ssl_earliest_cert_expiry{instance="tls"}'))
        self.assertIn("certificate", server.query('probe_failure_info{instance="tls-untrusted"}')[0]["metric"]["reason"])

        config = self.folder / "blackbox.yml"
        config.write_text(f"""\
modules:
  http: {{prober: http, http: {{fail_if_body_not_matches_regexp: [well], preferred_ip_protocol: ip4}}}}
  https: {{prober: http, http: {{tls_config: {{ca_file: {ca}}}, preferred_ip_protocol: ip4}}}}
  tcp: {{prober: tcp}}
  tls: {{prober: tcp, tcp: {{tls: true, tls_config: {{ca_file: {ca}}}, preferred_ip_protocol: ip4}}}}
  dns: {{prober: dns, dns: {{query_name: example.org, query_type: A, preferred_ip_protocol: ip4}}}}
""")
        port = free_port()
        self.program("blackbox", ["prometheus-blackbox-exporter", f"--config.file={config}",
                                  f"--web.listen-address=127.0.0.1:{port}"])
        targets = {"http": f"{endpoint.url}/", "https": f"https://localhost:{tls}/", "tcp": f"127.0.0.1:{redis}",
                   "tls": f"localhost:{tls}", "dns": f"127.0.0.1:{dns}"}
        for module, target in targets.items():
            url = f"http://127.0.0.1:{port}/probe?module={module}&target={urllib.parse.quote(target, safe='')}"
            theirs = wait_until(lambda u=url: self.scraped(u), "the exporter answers")
            self.assertIn("probe_success 1", theirs, module)
            types, labels = read_stored(server, "probe-http" if module == "https" else f"probe-{module}")
            labels = {}
            for series in server.query(f'{{instance="{module}",job=~"probe-.*"}}'):
                names = dict(series["metric"])
                labels.setdefault(names.pop("__name__"), set()).add(frozenset(set(names) - OWN))
            with self.subTest(module):
                self.compare(read_exposition(theirs, "probe_"), (types, labels), renamed={},
                             left_out={"probe_ip_addr_hash"} | LEFT_OUT_OF[module],
                             more_labels={"probe_ssl_last_chain_info": {"serialnumber"}},
                             types={}, fewer_labels=set())


# What comes with the connection, and libcurl does not tell.
LEFT_OUT_OF = {
    "http": set(), "tcp": {"probe_failed_due_to_regex"}, "tls": {"probe_failed_due_to_regex"}, "dns": set(),
    "https": {"probe_ssl_last_chain_expiry_timestamp_seconds", "probe_ssl_last_chain_info"},
}


if __name__ == "__main__":
    unittest.main(verbosity=2)
