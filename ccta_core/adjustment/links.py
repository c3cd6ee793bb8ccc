"""Word links of parallel text: one-to-one, of differing words (docs/method.md, 7)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ccta_core.adjustment.parallel import Pair, pairs_sha256
from ccta_core.adjustment.words import WordReader, Words, word_states
from ccta_core.config import cache_root
from ccta_core.errors import CctaError
from ccta_core.space.aligners import ALIGNERS, intersected_links
from ccta_core.space.links import Links, mutual_links_batch, one_to_one
from ccta_core.store.files import key_of, read_entry, write_entry

ARGMAX = "argmax"
METHODS = (ARGMAX, *ALIGNERS)
LONGEST = 64
"""Words of a side at most (EFI)."""
_RULES = 1
"""Version of how words are cut and linked: raised when links change."""
_CHUNK = 512


@dataclass(frozen=True, slots=True)
class WordPair:
    """A sentence pair as words: the other language's, and the English."""

    foreign: Words
    english: Words


@dataclass(frozen=True, slots=True)
class LinkedPair:
    """A sentence pair with its word links, (other language's word, English word) each."""

    foreign: Words
    english: Words
    links: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Linked:
    """Pairs with at least one link, and what each step dropped.

    `counts`: sentence pairs read; pairs dropped by reason; links both directions agree on
    (`agreed`); links lost because a word had two (`not_one_to_one`), because both words are
    the same letters (`identical`); links and pairs that are left.
    """

    pairs: tuple[LinkedPair, ...]
    counts: dict[str, int]


class ReadPairs(NamedTuple):
    """The usable pairs as words, and how many others were dropped, by reason."""

    pairs: list[WordPair]
    dropped: dict[str, int]


def read_words(
    reader: WordReader, pairs: Sequence[Pair], lang: str, *, most_tokens: int
) -> ReadPairs:
    """Reads the pairs as words and drops those that are too long or too short.

    A side of one word is dropped with its pair: there is no other word it could be told apart
    from, or paired with in the placebo.
    """
    sides = (
        reader.read([foreign for foreign, _ in pairs], lang),
        reader.read([english for _, english in pairs], "en"),
    )
    kept, dropped = [], Counter[str]()
    room = most_tokens - len(reader.start) - len(reader.end)
    for foreign, english in zip(*sides, strict=True):
        if max(len(foreign), len(english)) > LONGEST:
            dropped[f"side over {LONGEST} words"] += 1
        elif min(len(foreign), len(english)) < 2:
            dropped["side of one word"] += 1
        elif max(foreign.tokens, english.tokens) > room:
            dropped[f"side over the model's {most_tokens} tokens"] += 1
        else:
            kept.append(WordPair(foreign, english))
    return ReadPairs(kept, dict(dropped))


def find_links(  # noqa: PLR0913 - the words, and how and by what they are read
    pairs: Sequence[WordPair],
    *,
    encoder: Any,
    reader: WordReader,
    layer: int,
    method: str = ARGMAX,
    bfloat16: bool = False,
    revision: str | None = None,
) -> list[set[tuple[int, int]]]:
    """Returns links of every pair that both directions agree on, (foreign word, English word) each.

    `argmax`: each word is the other's most similar one by the states of `encoder` at `layer`; else
    a statistical aligner estimated on these very pairs. With `revision`, the name of the encoder's
    weights, they are kept in the cache folder. Raises CctaError on an unknown method or one that is
    not installed.
    """
    if method not in METHODS:
        raise CctaError(f"unknown aligner {method!r}; expected one of: {', '.join(METHODS)}")
    texts = [(" ".join(pair.foreign.texts), " ".join(pair.english.texts)) for pair in pairs]
    key = key_of("links", _RULES, revision, pairs_sha256(texts), layer, method, bfloat16)
    entry = read_entry(cache_root() / "links", key) if revision else None
    if entry is not None:
        return [{(i, j) for i, j in links} for links in entry["links"]]
    candidates: list[set[tuple[int, int]]] = []
    if method == ARGMAX:
        for start in range(0, len(pairs), _CHUNK):
            chunk = pairs[start : start + _CHUNK]
            sides = (
                word_states(encoder, reader, words, layer, bfloat16=bfloat16)
                for words in ([p.foreign for p in chunk], [p.english for p in chunk])
            )
            candidates += [set(links) for links in mutual_links_batch(*sides)]
    else:
        bitext = [(_tokens(pair.foreign), _tokens(pair.english)) for pair in pairs]
        candidates = intersected_links(method, bitext)
    if revision:
        links = [sorted(links) for links in candidates]
        write_entry(cache_root() / "links", key, {"links": links})
    return candidates


def keep_links(pairs: Sequence[WordPair], candidates: Sequence[set[tuple[int, int]]]) -> Linked:
    """Keeps strictly one-to-one links of differing words; pairs without any are dropped.

    A word that occurs in two links loses both; links of two words that are equal to the letter are
    dropped (EFI).
    """
    counts = Counter(pairs=len(pairs), agreed=0, not_one_to_one=0, identical=0, links=0)
    kept = []
    for pair, agreed in zip(pairs, candidates, strict=True):
        single: Links = one_to_one(agreed)
        links = tuple((i, j) for i, j in single if pair.foreign.texts[i] != pair.english.texts[j])
        counts["agreed"] += len(agreed)
        counts["not_one_to_one"] += len(agreed) - len(single)
        counts["identical"] += len(single) - len(links)
        counts["links"] += len(links)
        if links:
            kept.append(LinkedPair(pair.foreign, pair.english, links))
    counts["pairs_without_a_link"] = len(pairs) - len(kept)
    counts["pairs_linked"] = len(kept)
    return Linked(tuple(kept), dict(counts))


def corrupt_links(
    pairs: Sequence[LinkedPair], share: float, seed: int
) -> tuple[tuple[LinkedPair, ...], int]:
    """Returns the same pairs with a share of their links re-paired at random inside each pair.

    Every pair keeps its number of links, and they stay one-to-one. Links that are chosen together
    exchange their English words in a random circle, so that none keeps its own; a lone one takes an
    English word that has no link, or exchanges with another link where all have one. A share of 1
    is the placebo: no link is left. Returns the pairs and the number of links that were changed.
    """
    draw = np.random.default_rng([seed, 0x11])
    corrupted, changed = [], 0
    for pair in pairs:
        links = np.array(pair.links)
        chosen = np.flatnonzero(draw.random(len(links)) < share)
        if len(chosen) == 1:
            free = sorted(set(range(len(pair.english))) - set(links[:, 1].tolist()))
            others = np.delete(np.arange(len(links)), chosen)
            if free:
                links[chosen[0], 1] = draw.choice(free)
                changed += 1
                chosen = chosen[:0]
            elif len(others):
                chosen = np.append(chosen, draw.choice(others))
        if len(chosen) > 1:
            circle = draw.permutation(chosen)
            links[circle, 1] = links[np.roll(circle, 1), 1]
            changed += len(circle)
        pairs_of = tuple((int(i), int(j)) for i, j in links)
        corrupted.append(LinkedPair(pair.foreign, pair.english, pairs_of))
    return tuple(corrupted), changed


def _tokens(words: Words) -> list[str]:
    """Returns words as an aligner takes them: none holds a space."""
    return ["_".join(word.split()) for word in words.texts]
