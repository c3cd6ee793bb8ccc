"""Does the analysis find an agreement that was planted, and none where none was?

python -m research.documents.planted [docs/statistics.md]

Simulates data with and without the effect, puts them through the functions that pages and findings
call, and writes how often each finds it into the page, between its two marker lines.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ccta_core.analysis.joint import joint_correlation
from ccta_core.analysis.permutation import sign_test
from ccta_core.analysis.pooled_items import pooled_items
from ccta_core.analysis.resampling import Groups
from ccta_core.analysis.synonyms import synonym_test
from ccta_core.analysis.training_languages import rank_training_languages
from ccta_core.arrangements import SideMass
from ccta_core.consistency import Compared, fixed_null
from ccta_core.transport import ems
from research.documents.coverage import PAGE, inserted

START, END = "<!-- planted: start -->", "<!-- planted: end -->"
_ALPHA = 0.05
_SENTENCES, _UNITS, _WIDTH = 30, 8, 16
_MODELS = 6
_ITEMS = 60

Trial = Callable[[bool, np.random.Generator, int], bool]
"""Whether the effect is planted, the generator and the trial's number -> whether it is found."""


@dataclass(frozen=True, slots=True)
class PlantedRow:
    """How often a question is answered yes: without the effect (size), and with it (power)."""

    what: str
    size: float
    power: float
    trials: int
    trials_planted: int


def gain_of_masses(planted: bool, generator: np.random.Generator, number: int) -> bool:
    """Masses of translations, alike or not, through transport and the shuffled null to a test.

    30 sentences of 8 words; a word's embedding in the other language is its own with noise. Without
    the effect both sides' masses are drawn apart; with it the target has the source's with noise.
    """
    plain = np.zeros(_UNITS, int)
    gains = []
    for sentence in range(_SENTENCES):
        left, right = _translated(generator.normal(size=(_UNITS, _WIDTH)), generator)
        source = generator.dirichlet(np.ones(_UNITS))
        target = _read(source, generator.dirichlet(np.ones(_UNITS)), planted)
        seed = 1000 * number + sentence
        gains.append(_gain(Masses(source, left, plain), Masses(target, right, plain), seed))
    return _below(_above_zero(gains, number))


@dataclass(frozen=True, slots=True, eq=False)
class Masses:
    """One side of a simulated sentence: masses and embeddings of its words, and what shuffles keep
    apart.
    """

    mass: np.ndarray
    embeddings: np.ndarray
    classes: np.ndarray


def _translated(words: np.ndarray, generator: np.random.Generator) -> list[np.ndarray]:
    """Returns the words' embeddings in two languages: their own with noise, of length 1."""
    sides = [words + 0.5 * generator.normal(size=words.shape) for _ in range(2)]
    return [side / np.linalg.norm(side, axis=1, keepdims=True) for side in sides]


def _read(source: np.ndarray, other: np.ndarray, planted: bool) -> np.ndarray:
    return (source + 0.5 * other) / 1.5 if planted else other


def _gain(left: Masses, right: Masses, seed: int) -> float:
    similarity = np.clip(left.embeddings @ right.embeddings.T, -1, 1)
    source, target = (
        SideMass(of.mass, of.mass, of.classes, np.ones(len(of.mass))) for of in (left, right)
    )
    plan = ems(left.mass, right.mass, similarity)
    null = fixed_null(Compared(source, target, similarity, plan), shuffles=20, seed=seed)
    return plan.ems - float(null.values.mean())


def _above_zero(values: Sequence[float], seed: int) -> float | None:
    groups = Groups(np.arange(len(values)), len(values))
    return sign_test(np.array(values), groups, draws=2000, seed=seed).p


def word_classes(which: str) -> Trial:
    """Sentences whose content words outweigh function words in any language, as real ones do.

    Half of the 8 words are content words: four times as heavy, and nearer each other than to the
    rest. Without the effect the two languages' masses have that and nothing else in common. `which`
    is what is put to the test: the gain; the gain less that of the next sentence's words, which are
    unrelated ("less chance"); or the gain over masses shuffled within the two classes ("matched").
    """
    content = np.arange(_UNITS) < _UNITS // 2
    apart = content.astype(int) if which == "matched" else np.zeros(_UNITS, int)

    def mass(generator: np.random.Generator) -> np.ndarray:
        drawn = generator.dirichlet(np.ones(_UNITS)) * np.where(content, 4.0, 1.0)
        return drawn / drawn.sum()

    def trial(planted: bool, generator: np.random.Generator, number: int) -> bool:
        middle = generator.normal(size=(2, _WIDTH))
        sources, targets = [], []
        for _ in range(_SENTENCES):
            words = middle[content.astype(int)] + generator.normal(size=(_UNITS, _WIDTH))
            left, right = _translated(words, generator)
            own = mass(generator)
            sources.append(Masses(own, left, apart))
            targets.append(Masses(_read(own, mass(generator), planted), right, apart))
        values = []
        for place, (source, target) in enumerate(zip(sources, targets, strict=True)):
            seed = 1000 * number + place
            other = targets[(place + 1) % _SENTENCES]
            chance = _gain(source, other, seed) if which == "less chance" else 0.0
            values.append(_gain(source, target, seed) - chance)
        return _below(_above_zero(values, number))

    return trial


def _tables(
    generator: np.random.Generator, languages: int, shared: float
) -> tuple[np.ndarray, np.ndarray]:
    """Two tables of models x languages, what models share of each a factor of the language."""
    x, y = generator.normal(size=(2, languages))
    noise = generator.normal(size=(2, _MODELS, languages))
    tables = shared * np.stack([x, y])[:, None] + np.sqrt(1 - shared**2) * noise
    own = np.arange(_MODELS) % languages
    tables[:, np.arange(_MODELS), own] = np.nan  # each model's training language
    return tables[0], tables[1]


def joint(languages: int) -> Trial:
    """Claim 1 over languages: models share most of x and of y; with the effect y follows x."""

    def trial(planted: bool, generator: np.random.Generator, number: int) -> bool:
        x, y = _tables(generator, languages, 0.9)
        return _below(joint_correlation(x, y + planted * 1.5 * x, seed=number, draws=500).p)

    return trial


def joint_given_embeddings(planted: bool, generator: np.random.Generator, number: int) -> bool:
    """The same with embeddings held fixed, 12 languages: x and y both follow the embeddings."""
    u, noise = _tables(generator, 12, 0.9)
    x, own = _tables(generator, 12, 0.9)
    y = u + noise + planted * 1.5 * x
    del own
    return _below(joint_correlation(u + x, y, u, seed=number, draws=500).p)


def items(planted: bool, generator: np.random.Generator, number: int) -> bool:
    """Claim 1 over items: 60 items of 20 premises, 3 models; what is right follows EMS or not.

    Items of a premise have part of EMS and of being right in common. Found: the interval of AUROC
    lies above a half.
    """
    premise = np.repeat(np.arange(_ITEMS // 3), 3)
    common = generator.normal(size=(2, _ITEMS // 3))[:, premise]
    tables = []
    for model in range(3):
        own = generator.normal(size=(2, _ITEMS))
        score, hidden = common + own
        right = hidden + planted * 0.7 * score > 0
        columns = {
            "ems": score, "gain": score, "ems_uniform": generator.normal(size=_ITEMS),
            "target_confidence": generator.random(_ITEMS), "right": right.astype(int),
            "units": generator.normal(size=_ITEMS), "fertility": generator.normal(size=_ITEMS),
        }  # fmt: skip
        tables.append(pd.DataFrame(columns).assign(model=str(model), pair="a-b", group=premise))
    low = pooled_items(pd.concat(tables), seed=number, draws=500).aurocs["ems"].low
    return low is not None and low > 0.5


def training(planted: bool, generator: np.random.Generator, number: int) -> bool:
    """Claim 2: 5 training languages on 40 groups of items; with the effect one is above."""
    groups = generator.normal(size=40)
    rows = []
    for place, lang in enumerate(("ar", "de", "en", "es", "zh")):
        values = groups + 0.5 * generator.normal(size=40) + planted * 0.5 * (place == 3)
        rows.append(
            pd.DataFrame(
                {"training_language": lang, "seed": 1, "group": np.arange(40).astype(str),
                 "pair": "a-b", "value": values}
            )
        )  # fmt: skip
    ranking = rank_training_languages(pd.concat(rows), seed=number, draws=500)
    return all(_below(gap.p_holm) for gap in ranking.comparisons)


def synonyms(planted: bool, generator: np.random.Generator, number: int) -> bool:
    """Claim 3: 120 pairs of sentences in 40 groups; with the effect linked words differ less."""
    group = np.repeat(np.arange(40), 3)
    common = generator.gamma(4, size=40)[group]
    linked, unlinked, shuffled = (common * generator.gamma(2, size=120) for _ in range(3))
    test = synonym_test(
        linked * (0.5 if planted else 1.0),
        unlinked,
        shuffled,
        group.astype(str),
        seed=number,
        draws=500,
    )
    auc = test.shuffled.auc
    return _below(test.shuffled.p) and auc is not None and auc > 0.5


QUESTIONS: dict[str, tuple[Trial, int, int]] = {
    "gain above zero, from masses on (30 sentences)": (gain_of_masses, 200, 50),
    "only word classes agree: gain above zero": (word_classes("gain"), 200, 50),
    "only word classes agree: gain less chance": (word_classes("less chance"), 200, 50),
    "only word classes agree: gain over masses shuffled within them": (
        word_classes("matched"),
        200,
        50,
    ),
    "claim 1, joint test, 7 languages, 6 models": (joint(7), 400, 100),
    "claim 1, joint test, 15 languages, 6 models": (joint(15), 400, 40),
    "claim 1, embeddings held fixed, 12 languages": (joint_given_embeddings, 400, 40),
    "claim 1 over items, AUROC above .5 (one-sided: 2.5%)": (items, 400, 100),
    "claim 2, one language above every other": (training, 200, 40),
    "claim 3, linked below shuffled (one-sided: 2.5%)": (synonyms, 400, 100),
}
"""Each question with its trials without the effect and with it."""


def planted_rows(share: float = 1.0) -> list[PlantedRow]:
    """Returns a row a question; `share` of the trials are made."""
    rows = []
    for what, (trial, *trials) in QUESTIONS.items():
        generator = np.random.default_rng(0)
        counts = [max(1, round(share * trials[planted])) for planted in (0, 1)]
        hits = [
            np.mean([trial(bool(planted), generator, number) for number in range(counts[planted])])
            for planted in (0, 1)
        ]
        rows.append(PlantedRow(what, float(hits[0]), float(hits[1]), counts[0], counts[1]))
    return rows


def lines(rows: Sequence[PlantedRow]) -> list[str]:
    """A Markdown table of the rows."""
    return [
        "| question | found where nothing is (size) | trials | found where it was planted (power) "
        "| trials |",
        "|---|---|---|---|---|",
        *(
            f"| {row.what} | {row.size:.1%} | {row.trials} | {row.power:.0%} | "
            f"{row.trials_planted} |"
            for row in rows
        ),
    ]


def main() -> None:
    """Simulates everything and writes the table into the page."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    text = [
        "Written by `python -m research.documents.planted`; the standard error of a share near 5% "
        "is 1.1% with 400 trials and 1.5% with 200.",
        "",
        *lines(planted_rows()),
    ]
    page = inserted(path.read_text("utf-8"), "\n".join(text), (START, END))
    path.write_text(page, "utf-8")


def _below(p: float | None) -> bool:
    return p is not None and p < _ALPHA


if __name__ == "__main__":
    main()
