"""E-mail of a running server: what TLS and login a mail server of our own has, and what becomes of the mail: taken, or
kept back with the reason. `kilowatch notify test` sends; nothing leaves loopback."""

import base64
import contextlib
import hmac
import socket
import ssl
import subprocess
import threading
import unittest

from harness import BINARY, EndToEndTest

CONFIG = """\
collectors: {{host: {{enabled: false}}, process: {{enabled: false}}}}
alertmanager:
  route: {{receiver: mail}}
  receivers:
    - name: mail
      email_configs:
        - to: ann@example.com
          from: kw@example.com
          smarthost: 'localhost:{port}'
          {settings}
"""


class MailServer:
    """Speaks SMTP. `context`: with TLS, from the first byte (`is_implicit`) or by STARTTLS. `login` is what it offers, and
    `commands` what it was told, each with whether that was under TLS."""

    def __init__(self, context: ssl.SSLContext | None = None, is_implicit: bool = False, login: str = "") -> None:
        self.context, self.is_implicit, self.login = context, is_implicit, login
        self.commands: list[tuple[str, bool]] = []
        self.mails: list[str] = []
        self.listener = socket.create_server(("localhost", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()

    def run(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.settimeout(30)
            with contextlib.ExitStack() as open_ones:
                open_ones.enter_context(connection)
                try:
                    self.talk(connection, open_ones)
                except (OSError, ValueError):
                    pass  # a client that does not like our certificate hangs up

    def talk(self, connection: socket.socket, open_ones: contextlib.ExitStack) -> None:
        assert not self.is_implicit or self.context
        is_tls = self.is_implicit
        if is_tls:
            connection = open_ones.enter_context(self.context.wrap_socket(connection, server_side=True))
        lines = open_ones.enter_context(connection.makefile("rb"))

        def say(text: str) -> None:
            connection.sendall((text + "\r\n").encode())

        def hear() -> str:
            line = lines.readline()
            if not line:
                raise OSError("the client went")
            return line.decode().rstrip("\r\n")

        say("220 test")
        while True:
            line = hear()
            self.commands.append((line, is_tls))
            command = line.split(" ", 1)[0].upper()
            if command == "EHLO":
                offers = ["test"] + ([f"AUTH {self.login}"] if self.login else [])
                if self.context and not is_tls:
                    offers.append("STARTTLS")
                for offer in offers[:-1]:
                    say(f"250-{offer}")
                say(f"250 {offers[-1]}")
            elif command == "STARTTLS":
                say("220 go")
                connection = open_ones.enter_context(self.context.wrap_socket(connection, server_side=True))
                lines, is_tls = open_ones.enter_context(connection.makefile("rb")), True
            elif command == "AUTH":
                words = line.split(" ")
                if words[1] == "CRAM-MD5":
                    say("334 " + base64.b64encode(b"<1@test>").decode())
                    digest = hmac.new(b"geheim", b"<1@test>", "md5").hexdigest()
                    is_right = base64.b64decode(hear()).decode() == f"kw {digest}"
                else:
                    if len(words) < 3:
                        say("334 ")
                        words.append(hear())
                    is_right = base64.b64decode(words[2]) == b"\0kw\0geheim"
                say("235 welcome" if is_right else "535 no")
            elif command == "DATA":
                say("354 go on")
                mail: list[str] = []
                while (part := hear()) != ".":
                    mail.append(part)
                self.mails.append("\n".join(mail))
                say("250 taken")
            elif command == "QUIT":
                say("221 bye")
                return
            else:
                say("250 well")


class Email(EndToEndTest):
    def setUp(self) -> None:
        super().setUp()
        self.key, self.certificate = self.folder / "key.pem", self.folder / "cert.pem"
        self.tool("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                  "-keyout", str(self.key), "-out", str(self.certificate), "-days", "2", "-subj", "/CN=localhost",
                  "-addext", "subjectAltName=DNS:localhost")

    def context(self, highest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        context.maximum_version = highest
        return context

    def send(self, mail_server: MailServer, *settings: str) -> tuple[int, str]:
        """What `kilowatch notify test` says of a mail sent with these settings; its log too, in which no password stands."""
        self.addCleanup(mail_server.close)
        server = self.serve(CONFIG.format(port=mail_server.port, settings=("\n" + " " * 10).join(settings)))
        done = subprocess.run([BINARY, "notify", "test", "mail", "--server", server.url], capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertNotIn("geheim", done.stdout + done.stderr + server.process.log())
        server.stop()
        return done.returncode, done.stdout + done.stderr

    def assert_taken(self, mail_server: MailServer, *settings: str) -> None:
        code, said = self.send(mail_server, *settings)
        self.assertEqual(code, 0, said)
        self.assertEqual(len(mail_server.mails), 2, said)  # firing and resolved, as send_resolved says
        self.assertIn("Subject: ", mail_server.mails[0])

    def assert_kept(self, reason: str, mail_server: MailServer, *settings: str) -> None:
        code, said = self.send(mail_server, *settings)
        self.assertNotEqual(code, 0, said)
        self.assertIn(reason, said)
        self.assertEqual(mail_server.mails, [])
        self.assertEqual([line for line, _ in mail_server.commands if line.startswith(("MAIL", "RCPT", "DATA"))], [])

    def login(self) -> list[str]:
        return ["auth_username: kw", "auth_password: geheim", "send_resolved: true",
                f"tls_config: {{ca_file: {self.certificate}}}"]

    def test_starttls_comes_before_login_and_mail(self) -> None:
        server = MailServer(self.context(), login="PLAIN LOGIN")
        self.assert_taken(server, *self.login())
        in_clear = {line.split(" ")[0] for line, is_tls in server.commands if not is_tls}
        self.assertEqual(in_clear, {"EHLO", "STARTTLS"})

    def test_tls_from_the_first_byte(self) -> None:
        server = MailServer(self.context(), is_implicit=True, login="PLAIN")
        self.assert_taken(server, *self.login(), "force_implicit_tls: true")
        self.assertTrue(all(is_tls for _, is_tls in server.commands))

    def test_without_starttls_nothing_is_sent_unless_that_is_allowed(self) -> None:
        server = MailServer(login="PLAIN")
        self.assert_kept("SSL", server, *self.login())
        self.assertFalse(any(line.startswith("AUTH") for line, _ in server.commands))
        self.assert_taken(MailServer(login="PLAIN"), *self.login(), "require_tls: false")

    def test_a_certificate_that_is_not_trusted_or_of_another_name(self) -> None:
        for is_implicit in [False, True]:
            with self.subTest(is_implicit=is_implicit):
                implicit = f"force_implicit_tls: {str(is_implicit).lower()}"
                self.assert_kept("certificate", MailServer(self.context(), is_implicit, "PLAIN"),
                                 "auth_username: kw", "auth_password: geheim", implicit)
        self.assert_kept("certificate", MailServer(self.context()),
                         f"tls_config: {{ca_file: {self.certificate}, server_name: example.org}}")
        self.assert_taken(MailServer(self.context()), "send_resolved: true", "tls_config: {insecure_skip_verify: true}")

    def test_the_lowest_version_of_tls(self) -> None:
        old = ssl.TLSVersion.TLSv1_2
        self.assert_kept("SSL", MailServer(self.context(old)),
                         f"tls_config: {{ca_file: {self.certificate}, min_version: TLS13}}")
        self.assert_taken(MailServer(self.context(old)), "send_resolved: true",
                          f"tls_config: {{ca_file: {self.certificate}, min_version: TLS12}}")

    def test_a_user_without_a_password(self) -> None:
        # As Alertmanager: no login where none is offered, no mail where one is.
        self.assert_taken(MailServer(), "auth_username: kw", "require_tls: false", "send_resolved: true")
        server = MailServer(login="PLAIN LOGIN CRAM-MD5")
        self.assert_kept('user "kw" has no password; give auth_password or auth_secret', server, "auth_username: kw",
                         "require_tls: false")

    def test_a_secret_is_for_cram_md5(self) -> None:
        server = MailServer(login="PLAIN CRAM-MD5")
        self.assert_taken(server, "auth_username: kw", "auth_secret: geheim", "require_tls: false", "send_resolved: true")
        self.assertIn(("AUTH CRAM-MD5", False), server.commands)
        self.assert_kept("mail server", MailServer(login="PLAIN"), "auth_username: kw", "auth_secret: geheim",
                         "require_tls: false")

    def test_a_password_that_is_refused(self) -> None:
        self.assert_kept("535", MailServer(login="PLAIN"), "auth_username: kw", "auth_password: falsch",
                         "require_tls: false")


if __name__ == "__main__":
    unittest.main()
