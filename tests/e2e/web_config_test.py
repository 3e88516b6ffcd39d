"""TLS and passwords by Prometheus' web configuration file; what may listen where; hosts and origins."""

import base64
import json
import ssl
import unittest
import urllib.error
import urllib.request

from harness import EndToEndTest, Process, wait_until, BINARY


class WebConfig(EndToEndTest):
    def secure_server(self):
        key, certificate = self.folder / "key.pem", self.folder / "cert.pem"
        self.tool("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                  "-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=localhost",
                  "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        hashed = self.tool("htpasswd", "-nbBC", "8", "ops", "secret").strip().split(":", 1)[1]
        web = self.folder / "web.yml"
        web.write_text(f"tls_server_config: {{cert_file: {certificate}, key_file: {key}}}\n"
                       f"basic_auth_users:\n  ops: {hashed}\n", encoding="utf-8")
        self.tool(BINARY, "check", "web-config", str(web))
        folder = self.folder / "kw"
        folder.mkdir()
        (folder / "prometheus.yml").write_text("global: {scrape_interval: 1s}\n", encoding="utf-8")
        process = Process("kilowatch", [
            BINARY, "serve", f"--config.file={folder / 'prometheus.yml'}", f"--storage.path={folder / 'data'}",
            "--web.listen-address=127.0.0.1:0", f"--web.config.file={web}"], folder)
        self.processes.append(process)

        def address() -> str | None:
            for line in process.log().splitlines():
                if "msg=listening" in line:
                    return line.split("address=")[1].split()[0]
            return None

        return wait_until(address, "kilowatch listens"), certificate

    def test_tls_and_basic_authentication(self) -> None:
        address, certificate = self.secure_server()
        context = ssl.create_default_context(cafile=str(certificate))

        def status(user: str | None) -> int:
            request = urllib.request.Request(f"https://{address}/api/v1/status/buildinfo")
            if user:
                request.add_header("Authorization", "Basic " + base64.b64encode(user.encode()).decode())
            try:
                with urllib.request.urlopen(request, context=context, timeout=10) as answer:
                    return answer.status
            except urllib.error.HTTPError as error:
                return error.code

        self.assertEqual([status(u) for u in (None, "ops:wrong", "nobody:secret", "ops:secret")],
                         [401, 401, 401, 200])
        with self.assertRaises((urllib.error.URLError, ConnectionError)):
            urllib.request.urlopen(f"http://{address}/-/healthy", timeout=5)
        text = self.tool("env", f"SSL_CERT_FILE={certificate}", "promtool", "query", "instant",
                         f"https://ops:secret@{address}", "vector(1)")
        self.assertIn("=> 1", text)


class Listening(EndToEndTest):
    def test_other_than_loopback_needs_tls_and_passwords(self) -> None:
        config = self.folder / "prometheus.yml"
        config.write_text("global: {}\n", encoding="utf-8")
        text = self.tool(BINARY, "serve", f"--config.file={config}", f"--storage.path={self.folder / 'data'}",
                         "--web.listen-address=0.0.0.0:0", expect=1)
        self.assertIn("--web.config.file", text)

    def test_changes_need_our_own_host_and_origin(self) -> None:
        server = self.serve("global: {}\n")

        def reload_with(**headers: str) -> int:
            return server.request("/-/reload", b"", {k.replace("_", "-"): v for k, v in headers.items()})[0]

        self.assertEqual(reload_with(), 200)
        self.assertEqual(reload_with(Origin="https://evil.example"), 403)
        self.assertEqual(reload_with(Host="evil.example"), 403)
        self.assertEqual(json.loads(server.request("/api/v1/query?query=1")[1])["status"], "success")


if __name__ == "__main__":
    unittest.main(verbosity=2)
