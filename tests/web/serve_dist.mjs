// Serves web/dist in front of another server's API, for developing the UI and for running its tests
// against a server that has none of it. Routes and headers are those of src/present/web.
import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { createServer, request } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const DIST = fileURLToPath(new URL("../../web/dist/", import.meta.url));

const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

export const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "font-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'self'; form-action 'self'; " +
  "frame-ancestors 'none'";

function forward(upstream, prefix, incoming, outgoing) {
  const target = new URL(incoming.url.slice(prefix.length), upstream);
  const headers = { ...incoming.headers, host: target.host };
  delete headers.origin;
  const proxied = request(
    target,
    { method: incoming.method, headers },
    (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    },
  );
  proxied.on("error", () => {
    if (!outgoing.headersSent) outgoing.writeHead(502);
    outgoing.end();
  });
  outgoing.on("close", () => proxied.destroy());
  incoming.pipe(proxied);
}

// Resolves to { url, close } on a free loopback port. `prefix` is a path such as '/kw', or ''.
export function serveDist(upstream, prefix = "") {
  const server = createServer((incoming, outgoing) => {
    const { pathname } = new URL(incoming.url, "http://localhost");
    if (!pathname.startsWith(`${prefix}/`)) {
      outgoing.writeHead(404).end();
      return;
    }
    const path = pathname.slice(prefix.length);
    if (/^\/(api|-|metrics)(\/|$)/.test(path)) {
      forward(upstream, prefix, incoming, outgoing);
      return;
    }
    const file = join(DIST, normalize(path));
    const found =
      file.startsWith(DIST) && existsSync(file) && statSync(file).isFile();
    outgoing.setHeader("content-security-policy", CONTENT_SECURITY_POLICY);
    outgoing.setHeader("x-content-type-options", "nosniff");
    if (found && extname(file) !== ".html") {
      outgoing.writeHead(200, {
        "content-type": TYPES[extname(file)] ?? "application/octet-stream",
      });
      createReadStream(file).pipe(outgoing);
    } else if (extname(path) === "") {
      const page = readFileSync(join(DIST, "index.html"), "utf8");
      outgoing.writeHead(200, { "content-type": TYPES[".html"] });
      outgoing.end(
        page.replace('<base href="/" />', `<base href="${prefix}/" />`),
      );
    } else {
      outgoing.writeHead(404).end();
    }
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      resolve({
        url: `http://127.0.0.1:${server.address().port}${prefix}/`,
        close: () =>
          new Promise((done) => server.close(done).closeAllConnections()),
      });
    });
  });
}
