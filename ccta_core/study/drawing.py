"""The order in which a study's items are measured, and the unrelated items of each.

Both are drawn from the whole study before anything is measured, so that a row depends on the item
and the study, not on its chunk (docs/method.md, 4, control 3).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from ccta_core.types import ParallelExample

_WINDOW = 2
"""Blocks of like length over which items are drawn: the seed decides who shares a block."""
_POOL = 2
"""Candidates an unrelated item, for an item that no block has room for."""


@dataclass(frozen=True, slots=True)
class Draw:
    """The places of a study's items in the order of measuring; by item, in that order, the places
    *in that order* of its unrelated items: none where the study has fewer than asked for.
    """

    order: tuple[int, ...]
    unrelated: tuple[tuple[int, ...], ...]


@dataclass(slots=True)
class _Block:
    """Items of one label and of as many groups; each is unrelated to all the others."""

    members: list[int] = field(default_factory=list)
    groups: set[str] = field(default_factory=set)


def draw_unrelated(
    examples: Sequence[ParallelExample],
    count: int,
    *,
    seed: int,
    batches: Sequence[int] = (),
) -> Draw:
    """Draws `count` unrelated items for every item: of its label, of another group each, and of
    like length.

    Items are drawn into blocks of count + 1, all of one label and of as many groups, out of those
    near in length over all languages; the unrelated items of one are the others of its block, so
    that they are attributed once. What fills no block (fewer than count + 1 of a label, or of one
    group) draws from the nearest in length of the whole batch. Blocks come in random order, so that
    the first chunks of a study stand for all.

    `batches` are the numbers of items after each time that the study was extended: those of a batch
    keep their draw when the next is added.
    """
    order: list[int] = []
    unrelated: list[tuple[int, ...]] = []
    for start, end in _spans(len(examples), batches):
        part = _draw_batch(examples[start:end], count, np.random.default_rng([seed, start]))
        order += [start + place for place in part.order]
        unrelated += [tuple(start + place for place in places) for places in part.unrelated]
    return Draw(tuple(order), tuple(unrelated))


def _spans(number: int, batches: Sequence[int]) -> Iterator[tuple[int, int]]:
    start = 0
    for end in (*(each for each in batches if each < number), number):
        yield start, end
        start = end


def _draw_batch(examples: Sequence[ParallelExample], count: int, draw: np.random.Generator) -> Draw:
    if count < 1 or not examples:
        return Draw(tuple(range(len(examples))), ((),) * len(examples))
    lengths = _lengths(examples)
    blocks: list[list[int]] = []
    left: list[int] = []
    for label in dict.fromkeys(example.label for example in examples):
        of_label = [place for place, each in enumerate(examples) if each.label == label]
        of_label.sort(key=lambda place: (lengths[place], examples[place].id))
        full, over = _blocks(examples, _jittered(of_label, count + 1, draw), count + 1)
        blocks += full
        left += over
    order = [place for at in draw.permutation(len(blocks)) for place in blocks[at]]
    order += sorted(left)
    place_of = {item: place for place, item in enumerate(order)}
    others = {item: [each for each in block if each != item] for block in blocks for item in block}
    for item in sorted(left):
        others[item] = _nearest(examples, lengths, item, count, draw)
    return Draw(
        tuple(order),
        tuple(tuple(place_of[other] for other in sorted(others[item])) for item in order),
    )


def _lengths(examples: Sequence[ParallelExample]) -> np.ndarray:
    """Returns each item's characters over those of the average item, mean over the languages."""
    langs = list(examples[0].sentences)
    characters = np.array(
        [[sum(map(len, each.sentences[lang].segments)) for lang in langs] for each in examples]
    )
    return (characters / np.maximum(characters.mean(0), 1.0)).mean(1)


def _jittered(places: Sequence[int], size: int, draw: np.random.Generator) -> list[int]:
    """Returns the places, shuffled within windows of a few blocks."""
    window = _WINDOW * size
    mixed: list[int] = []
    for start in range(0, len(places), window):
        mixed += draw.permutation(places[start : start + window]).tolist()
    return mixed


def _blocks(
    examples: Sequence[ParallelExample], places: Sequence[int], size: int
) -> tuple[list[list[int]], list[int]]:
    """Returns full blocks, each place in the first that has none of its group; and what is left."""
    full: list[list[int]] = []
    open_blocks: list[_Block] = []
    for place in places:
        group = examples[place].group
        block = next((each for each in open_blocks if group not in each.groups), None)
        if block is None:
            block = _Block()
            open_blocks.append(block)
        block.members.append(place)
        block.groups.add(group)
        if len(block.members) == size:
            full.append(block.members)
            open_blocks.remove(block)
    return full, [place for block in open_blocks for place in block.members]


def _nearest(
    examples: Sequence[ParallelExample],
    lengths: np.ndarray,
    item: int,
    count: int,
    draw: np.random.Generator,
) -> list[int]:
    """Returns `count` items drawn of the nearest in length with its label, one of a group and none
    of its own; none at all where there are fewer groups.
    """
    own = examples[item]
    ranked = sorted(
        (place for place, each in enumerate(examples)
         if each.label == own.label and each.group != own.group),
        key=lambda place: (abs(lengths[place] - lengths[item]), examples[place].id),
    )  # fmt: skip
    by_group: dict[str, int] = {}
    for place in ranked:
        by_group.setdefault(examples[place].group, place)
    near = list(by_group.values())[: count * _POOL]
    if len(near) < count:
        return []
    return [near[at] for at in draw.permutation(len(near))[:count]]
