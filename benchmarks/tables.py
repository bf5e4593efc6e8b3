"""How every benchmark writes down what it has measured."""

from collections.abc import Iterable, Sequence


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]], below: str = "") -> str:
    """Make a Markdown table; below it stands what was measured on."""
    first, *others = [f"| {' | '.join(cells)} |" for cells in [head, *rows]]
    lines = [first, "|---" * len(head) + "|", *others]
    return "\n".join([*lines, *(["", below] if below else []), ""])
