"""This module writes what is derived from the forms of the files: `python -m harness.schema [ROOT]`.

It rewrites the JSON Schemas beside the files and the tables of docs/files.md, below the root of a checkout.
"""

import json
import sys
from pathlib import Path

from harness.schema import json_schemas
from harness.schema.tables import fill

PLACES = {
    "board": "devices/schemas/board.schema.json",
    "device": "devices/schemas/device.schema.json",
    "gates": "suites/schemas/gates.schema.json",
    "map": "suites/schemas/map.schema.json",
    "suite": "suites/schemas/suite.schema.json",
}
PAGE = "docs/files.md"


def derived(root: Path) -> dict[Path, str]:
    """Text of every derived file by its path."""
    schemas = json_schemas()
    texts = {
        root / place: json.dumps(schemas[name], indent=2, ensure_ascii=False) + "\n"
        for name, place in PLACES.items()
    }
    texts[root / PAGE] = fill((root / PAGE).read_text(encoding="utf-8"), schemas)
    return texts


def main(root: Path) -> None:
    """Write every derived file."""
    for path, text in derived(root).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
