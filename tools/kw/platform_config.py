"""platform_config.py RUN PORT: writes RUN/kilowatch.yml for a running platform, and prints its path.

It is packaging/kilowatch.example.yml with the platform's ports as they are, with the rules of the platform's pack, and
with the collectors that ask its PostgreSQL, its Redis and its health. Their passwords go to RUN/secrets, readable by the owner alone.
"""

import json
import os
import pathlib
import sys

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "packaging" / "kilowatch.example.yml"
RULES = EXAMPLE.parents[1] / "packs" / "energy-forecast" / "rules" / "*.yml"
COLLECTORS = """  postgres:
    - dsn: postgresql://{postgres_user}@localhost:{postgres}/{postgres_database}
      password_file: secrets/postgres
  redis:
    - address: localhost:{redis}
      password_file: secrets/redis
  health:
    - service: api
      url: http://localhost:{api}/health
  probes:
    - kind: http
      target: http://localhost:{world}/health
      service: api
      component: external_api
    - kind: http
      target: http://localhost:{model}/health
      service: model-service
      component: model

"""


def configuration(example: str, state: dict, port: int) -> str:
    moved = {8000: state["api"], 8001: state["model"], 8002: state["gateway"], 8003: state["world"],
             8004: state["control"], 9090: port}
    for usual, now in moved.items():
        example = example.replace(f"'localhost:{usual}'", f"'localhost:{now}'")
    before, key, after = example.partition("scrape_configs:\n")
    if not key:
        sys.exit(f"{EXAMPLE} has no scrape_configs: to put the collectors before")
    rules = f"rule_files:\n  - {json.dumps(str(RULES))}\n\n"
    return before + COLLECTORS.format(**state, **state["collector"]) + rules + key + after


def write_private(path: pathlib.Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def main() -> None:
    run, port = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    state = json.loads((run / "platform" / "platform.json").read_text(encoding="utf-8"))
    for name in ("postgres", "redis"):
        write_private(run / "secrets" / name, state["collector"][f"{name}_password"])
    path = run / "kilowatch.yml"
    path.write_text(configuration(EXAMPLE.read_text(encoding="utf-8"), state, port), encoding="utf-8")
    print(path)


if __name__ == "__main__":
    main()
