"""Which items are not independent: those that share a text, and those linked through others."""

from collections.abc import Iterable, Sequence


def clusters(pairs: Iterable[tuple[str, str]], ids: Sequence[str]) -> list[str]:
    """For each pair of texts, the id of the first pair it is linked to by shared texts."""
    parent: dict[str, str] = {}
    pairs = list(pairs)
    for left, right in pairs:
        parent[_root(parent, left)] = _root(parent, right)
    first: dict[str, str] = {}
    return [
        first.setdefault(_root(parent, left), id_)
        for (left, _), id_ in zip(pairs, ids, strict=True)
    ]


def _root(parent: dict[str, str], text: str) -> str:
    while parent.setdefault(text, text) != text:
        parent[text] = parent[parent[text]]
        text = parent[text]
    return text
