"""Update the benchmark tables of the pages from `benchmarks/results/`.

A table below `<!-- from FILE -->` has some rows of the table in FILE with the same header.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "docs" / "decisions.md"]
EXCERPT = re.compile(r"(?<=^<!-- from )(.+?)( -->\n)((?:\|.*\n)+)", re.MULTILINE)


def rows(table: str) -> dict[str, str]:
    """Return the lines of a table by their first cells."""
    return {line.split("|")[1].strip(): line for line in table.splitlines()}


def stored_rows(file: str, header: str) -> dict[str, str]:
    """Return the rows of the table with this header in a file."""
    tables = re.findall(r"(?:^\|.*\n)+", (ROOT / file).read_text("utf-8"), re.MULTILINE)
    for table in tables:
        if table.startswith(f"{header}\n"):
            return rows(table)
    raise LookupError(f"{file} has no table with the header {header}: edit the page.")


def update(text: str) -> str:
    """Return a page with its rows updated.

    Raises:
        LookupError: A table or a row does not exist any more; the message names it.
    """

    def update_table(match: re.Match[str]) -> str:
        header, *chosen = match[3].splitlines()
        current = stored_rows(match[1], header)
        if missing := [name for name in rows("\n".join(chosen)) if name not in current]:
            raise LookupError(f"{match[1]} has no row {missing[0]!r} any more: edit the page.")
        lines = [header, *(current[name] for name in rows("\n".join(chosen)))]
        return match[1] + match[2] + "\n".join(lines) + "\n"

    return EXCERPT.sub(update_table, text)


def main() -> None:
    """Update the pages, or exit with the row that does not exist any more."""
    for page in PAGES:
        try:
            page.write_text(update(page.read_text("utf-8")), "utf-8")
        except LookupError as error:
            sys.exit(f"{page}: {error}")


if __name__ == "__main__":
    main()
