"""Tables of Markdown."""

from collections.abc import Iterable, Sequence

_ESCAPED = str.maketrans({"|": r"\|", "<": "&lt;", "\n": " ", "\r": " "})


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Returns a table as Markdown (GitHub's), a line a row and an empty line behind it.

    A cell holds text: what would end it, or begin an element of HTML, is escaped.
    """
    lines = [columns, ["---"] * len(columns), *rows]
    head, rule, *body = (" | ".join(cell_text(cell) for cell in line) for line in lines)
    return "\n".join(
        [f"| {head} |", f"|{rule.replace(' ', '')}|", *(f"| {row} |" for row in body), ""]
    )


def cell_text(cell: object) -> str:
    """Returns a cell's text as Markdown."""
    return str(cell).translate(_ESCAPED)
