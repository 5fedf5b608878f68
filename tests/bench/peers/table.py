"""The table that every proxy is given: the vendor's 14 metadata routes, as the gateway has them built in; and larger ones."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parents[3] / "src/table/ecs/metadata_management.toml"

PROJECT = "4f5e3d2c1b0a49788796a5b4c3d2e1f0"
SERVER = "8f0e1c52-6e3a-4d0e-9a53-2f1f3c9c7a11"
METADATA = f"/v2.1/{PROJECT}/servers/{SERVER}/metadata"
LARGE = f"{METADATA}/large"
GENERATED = f"/v2.1/{PROJECT}/kind%d/{SERVER}/parts"
"""A path of a generated operation, with its number in the place of `%d`."""
UNLISTED = f"/v2.1/{PROJECT}/servers/{SERVER}/ips"


@dataclass(frozen=True)
class Route:
    """One line of the table: every action is required."""

    method: str
    template: str
    actions: tuple[str, ...]

    def pattern(self) -> str:
        """The whole path as a regular expression: a parameter is one segment."""
        return "/".join("[^/]+" if part.startswith("{") else re.escape(part) for part in self.template.split("/"))


def routes(file: Path = FILE) -> list[Route]:
    operations = tomllib.loads(file.read_text())["operation"]
    return [Route(*route.split(), tuple(row["actions"])) for row in operations for route in row["routes"]]


def generate(count: int, folder: Path) -> tuple[Path, int]:
    """A file with the 14 routes and as many operations of our own as make `count`, one route each; and how many those are."""
    more = count - len(routes())
    file = folder / f"table-{count}.toml"
    folder.mkdir(parents=True, exist_ok=True)
    # The actions are those of every token here.
    actions = ("ecs:servers:listMetadata", "ecs:servers:getMetadata", "ecs:servers:setMetadata")
    file.write_text(FILE.read_text() + "".join(
        f'\n[[operation]]\npermission = "Kind {number}"\n'
        f'routes = ["GET /v2.1/{{project_id}}/kind{number}/{{item_id}}/parts"]\nactions = ["{actions[number % 3]}"]\n'
        for number in range(more)
    ))
    return file, more
