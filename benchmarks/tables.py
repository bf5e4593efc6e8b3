"""Markdown tables with the results of the benchmarks."""

from collections.abc import Iterable, Sequence


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "") -> str:
    """Return a Markdown table, with a caption below it."""
    first, *others = [f"| {' | '.join(cells)} |" for cells in [head, *rows]]
    lines = [first, "|---" * len(head) + "|", *others]
    return "\n".join([*lines, *(["", caption] if caption else []), ""])
