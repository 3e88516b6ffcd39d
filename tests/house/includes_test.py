"""Holds every #include of src/ to the module graph in src/CMakeLists.txt.

A file of module M may include only headers of M itself and of the modules that M's line names in DEPS, and
a line may name only modules of lines above it. `IN` says in which stage's folder the module lies.

No format may say `{:?}`: fmt 9 ends the process on bytes that are not UTF-8, which strangers send.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULE = re.compile(r"^kw_module\(([\w/]+)(.*?)\)", re.MULTILINE | re.DOTALL)
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def read_graph(text: str) -> dict[str, tuple[pathlib.Path, set[str]]]:
    """Module name -> (its folder, the modules it may include), in the order of the file."""
    graph: dict[str, tuple[pathlib.Path, set[str]]] = {}
    for name, rest in MODULE.findall(text):
        words = rest.split()
        stage, depends, mode = "", set(), ""
        for word in words:
            if word in ("IN", "DEPS", "LIBS"):
                mode = word
            elif mode == "IN":
                stage = word
            elif mode == "DEPS":
                depends.add(word)
        unknown = depends - graph.keys()
        if unknown:
            sys.exit(f"src/CMakeLists.txt: {name} names {sorted(unknown)}, not declared above it")
        graph[name] = (ROOT / "src" / stage / name, depends)
    return graph


def module_of(include: str, graph: dict[str, tuple[pathlib.Path, set[str]]]) -> str:
    """app/config of "app/config/config.h", base of "base/fs/real.h"."""
    words = include.split("/")
    inner = "/".join(words[:2])
    return inner if inner in graph else words[0]


def violations(graph: dict[str, tuple[pathlib.Path, set[str]]]) -> list[str]:
    found = []
    for name, (folder, depends) in graph.items():
        inner = [other for other, _ in graph.values() if folder in other.parents]
        for file in sorted(folder.rglob("*")):
            if file.suffix not in (".h", ".cc") or any(other in file.parents for other in inner):
                continue
            for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
                match = INCLUDE.match(line)
                if not match:
                    continue
                target = module_of(match.group(1), graph)
                where = f"{file.relative_to(ROOT)}:{number}"
                if "/" not in match.group(1):
                    found.append(f'{where}: "{match.group(1)}" must name its module')
                elif target not in graph:
                    found.append(f"{where}: no module {target}")
                elif target != name and target not in depends:
                    found.append(f"{where}: {name} may not include {target} (its line does not name it)")
    return found


def fatal_formats() -> list[str]:
    return [f"{file.relative_to(ROOT)}:{number}: {{:?}} ends the process on bytes that are not UTF-8; quoted() does not"
            for file in sorted((ROOT / "src").rglob("*.cc"))
            for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1) if "{:?}" in line]


def folders_without_module(graph: dict[str, tuple[pathlib.Path, set[str]]]) -> list[str]:
    known = {folder for folder, _ in graph.values()}
    found = []
    for file in sorted((ROOT / "src").rglob("*.cc")):
        if not any(folder in file.parents for folder in known):
            found.append(f"{file.relative_to(ROOT)}: lies in no module")
    return found


def main() -> int:
    graph = read_graph((ROOT / "src" / "CMakeLists.txt").read_text(encoding="utf-8"))
    if len(graph) < 10:
        sys.exit("src/CMakeLists.txt: fewer than ten modules read; has its form changed?")
    # The check itself must be able to fail.
    if not violations({"base": (ROOT / "src" / "base", set()), "model": (ROOT / "src" / "model", set())}):
        sys.exit("the check does not find a forbidden include")
    problems = violations(graph) + folders_without_module(graph) + fatal_formats()
    for problem in problems:
        print(problem)
    print(f"{len(graph)} modules, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
