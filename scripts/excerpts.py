"""Bring the rows of measured tables in README.md up to what `benchmarks/results/` has.

A table below `<!-- from FILE -->` holds some rows of a table in FILE that has the same header.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
EXCERPT = re.compile(r"(?<=^<!-- from )(.+?)( -->\n)((?:\|.*\n)+)", re.MULTILINE)


def rows(table: str) -> dict[str, str]:
    """Return the lines of a table by their first cell."""
    return {line.split("|")[1].strip(): line for line in table.splitlines()}


def stored(file: str, header: str) -> dict[str, str]:
    """Return the rows of the table in a stored file that has this header."""
    tables = re.findall(r"(?:^\|.*\n)+", (ROOT / file).read_text("utf-8"), re.MULTILINE)
    for table in tables:
        if table.startswith(f"{header}\n"):
            return rows(table)
    raise LookupError(f"{file} has no table with the header {header}: edit README.md.")


def refreshed(text: str) -> str:
    """Return the page with every row as it is stored.

    Raises:
        LookupError: a table or a row is not there any more; the message names it.
    """

    def refresh(match: re.Match[str]) -> str:
        header, *chosen = match[3].splitlines()
        now = stored(match[1], header)
        if gone := [name for name in rows("\n".join(chosen)) if name not in now]:
            raise LookupError(f"{match[1]} has no row {gone[0]!r} any more: edit README.md.")
        lines = [header, *(now[name] for name in rows("\n".join(chosen)))]
        return match[1] + match[2] + "\n".join(lines) + "\n"

    return EXCERPT.sub(refresh, text)


def main() -> None:
    """Write the page, or say what it quotes that is gone."""
    try:
        README.write_text(refreshed(README.read_text("utf-8")), "utf-8")
    except LookupError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
