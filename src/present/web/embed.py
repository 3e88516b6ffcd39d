#!/usr/bin/env python3
"""Writes the built UI as a C++ table: path, content type, ETag, gzip bytes, whether it may be cached for ever.

    embed.py DIST OUT.cc

DIST is web/dist; a folder without index.html gives an empty table. Same files, same output: gzip carries no
time, paths are sorted, and the ETag is a hash of the content.
"""

import gzip
import hashlib
import pathlib
import sys

CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
FILE_BYTES_MAX = 16 << 20
LITERAL_BYTES = 4096  # of the data in one piece of a string literal


def files_of(dist: pathlib.Path) -> list[pathlib.Path]:
    """Every file that is served, sorted by its path; names that begin with a dot are the build's own."""
    if not (dist / "index.html").is_file():
        return []
    found = [p for p in dist.rglob("*") if p.is_file() and not p.name.startswith(".")]
    return sorted(found, key=lambda p: p.relative_to(dist).as_posix())


def literal(data: bytes) -> str:
    """`data` as adjacent string literals. Octal escapes have three digits, so none runs into what follows."""
    plain = {byte: chr(byte) for byte in range(0x20, 0x7F) if chr(byte) not in '"\\?'}
    pieces = (data[i : i + LITERAL_BYTES] for i in range(0, len(data), LITERAL_BYTES))
    return "\n".join('    "' + "".join(plain.get(b, f"\\{b:03o}") for b in piece) + '"' for piece in pieces)


def main() -> int:
    dist, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    bodies, rows = [], []
    for index, path in enumerate(files_of(dist)):
        content = path.read_bytes()
        url = "/" + path.relative_to(dist).as_posix()
        kind = CONTENT_TYPES.get(path.suffix)
        if kind is None or len(content) > FILE_BYTES_MAX:
            print(f"embed.py: {path}: no content type for '{path.suffix}', or over {FILE_BYTES_MAX} bytes",
                  file=sys.stderr)
            return 1
        body = gzip.compress(content, 9, mtime=0)
        etag = hashlib.sha256(content).hexdigest()[:32]
        # Vite names what lies in assets/ by its content: such a name never means anything else.
        immutable = "true" if url.startswith("/assets/") else "false"
        bodies.append(f"constexpr char kBody{index}[] =\n{literal(body)};\n")
        rows.append(f'    {{"{url}", "{kind}", "\\"{etag}\\"",\n'
                    f"     std::string_view(kBody{index}, {len(body)}), {immutable}}},\n")
    text = "// Made by src/present/web/embed.py from web/dist.\n"
    text += '#include "web/asset_table.h"\n\nnamespace kw::web {\n'
    if rows:
        text += "namespace {\n" + "".join(bodies)
        text += "constexpr Asset kAssets[] = {\n" + "".join(rows) + "};\n}  // namespace\n"
        text += "std::span<const Asset> embedded_assets() { return kAssets; }\n"
    else:
        text += "std::span<const Asset> embedded_assets() { return {}; }\n"
    text += "}  // namespace kw::web\n"
    if not out.is_file() or out.read_text() != text:
        out.write_text(text)
    return 0


sys.exit(main())
