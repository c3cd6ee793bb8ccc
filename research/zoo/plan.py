"""What the zoo holds: one entry a model, with the command that trains it.

An entry that does not ship is another seed: its card is kept (research/zoo/runs), its weights are
not.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ccta_core.training.recipe import Recipe, recipe_for

SERIES = ("es", "en", "de", "ru", "zh", "hi")
"""Training languages with more than one seed: language and run can be told apart."""
XNLI = ("ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh")
PAWSX = ("de", "en", "es", "fr", "ja", "ko", "zh")
XQUAD = ("en", "es", "de", "ru", "zh", "ar", "hi", "vi")
PANX = ("en", "es")
XQUAD_TESTS = ("en", "es", "de", "ru", "zh", "ar", "hi", "vi", "el", "ro", "th", "tr")
PANX_TESTS = ("en", "es", "de", "ru", "zh", "ar", "hi", "vi", "fr", "bn", "sw", "tr")
_WEAK = "a 12-layer, 384-wide backbone in 4 bits, well below published figures of larger encoders"


@dataclass(frozen=True, slots=True)
class Entry:
    """One model of the zoo.

    `train` and `evaluate` are data specs (`ccta data list`); `scored` are the languages that
    `evaluate` is read in. `start` is the adapter training goes on from.
    """

    name: str
    recipe: Recipe
    langs: tuple[str, ...]
    train: tuple[str, ...]
    evaluate: str
    licence: str
    data: str
    evaluation: str
    weaknesses: str
    scored: tuple[str, ...]
    reference: str | None = None
    start: str | None = None
    ships: bool = True

    @property
    def command(self) -> str:
        """The line that trains it again."""
        parts = [f"ccta models train --task {self.recipe.task}"]
        parts += [f"--train {spec}" for spec in self.train]
        parts += [f"--lang {','.join(self.langs)} --seed {self.recipe.seed}"]
        usual = recipe_for(self.recipe.task)
        for flag, name in (("epochs", "epochs"), ("lr", "learning_rate"), ("rank", "rank")):
            if getattr(self.recipe, name) != getattr(usual, name):
                parts.append(f"--{flag} {getattr(self.recipe, name)}")
        if self.start:
            parts.append(f"--from {self.start}")
        return " ".join([*parts, f"--eval {self.evaluate} --out cache/models/e5-small/{self.name}"])


def plan() -> tuple[Entry, ...]:
    """Every entry in the order of work: the first of each kind, then the rest."""
    entries = [*_nli(), *_paraphrase(), *_answers(), *_tags()]
    return tuple(sorted(entries, key=lambda entry: _FIRST.get(entry.name, len(_FIRST))))


_FIRST = {
    name: place
    for place, name in enumerate(
        [
            *(f"nli-xnli-{lang}" for lang in SERIES),
            *("paraphrase-en", "qa-en", "ner-en"),
        ]
    )
}


def _nli() -> Iterator[Entry]:
    for seed in (1, 2, 3):
        for lang in XNLI if seed == 1 else SERIES:
            yield _series(lang, seed)
    yield Entry(
        name="nli-en",
        recipe=recipe_for("nli"),
        langs=("en",),
        train=("mnli", "taxinli"),
        evaluate="xnli#dev",
        scored=XNLI,
        licence="weights: the terms of MultiNLI and of C-UDA 1.0 (TaxiNLI); code: MIT",
        data="MultiNLI pieces (OANC and others) and TaxiNLI (C-UDA 1.0), English, no XNLI premise",
        evaluation="XNLI dev (CC BY-NC 4.0), zero-shot except en, 830 premises x 3 hypotheses",
        weaknesses=_WEAK,
        reference=_XNLI_REFERENCE,
    )
    yield Entry(
        name="nli-en-all",
        recipe=recipe_for("nli", epochs=2),
        langs=("en",),
        train=("nli_en",),
        licence="weights: the most restrictive of their data, CC BY-NC-SA (SICK); code: MIT",
        data=(
            "all English NLI at hand: MultiNLI pieces (OANC and others), TaxiNLI (C-UDA 1.0), CAD "
            "(Apache 2.0), SICK (CC BY-NC-SA), MED (CC BY-SA), NYU semi-automatic; deduplicated, "
            "no XNLI premise"
        ),
        weaknesses=f"{_WEAK}; part of the data is templated and has no third class",
        evaluate="xnli#dev",
        scored=XNLI,
        evaluation="XNLI dev (CC BY-NC 4.0), 830 premises x 3 hypotheses",
        reference=_XNLI_REFERENCE,
    )
    yield Entry(
        name="nli-multi",
        recipe=recipe_for("nli", epochs=1),
        langs=XNLI,
        train=("xnli#test",),
        licence="weights: CC BY-NC 4.0 (XNLI); code: MIT",
        data="XNLI test (CC BY-NC 4.0): its 5,010 items in all 15 languages, 75,150 pairs",
        weaknesses=f"{_WEAK}; every language was trained on: none is zero-shot",
        start="e5-small/nli-en-all",
        evaluate="xnli#dev",
        scored=XNLI,
        evaluation="XNLI dev (CC BY-NC 4.0), 830 premises x 3 hypotheses",
        reference=_XNLI_REFERENCE,
    )


_XNLI_REFERENCE = (
    "mBERT fine-tuned on MultiNLI's 393k English pairs (other authors, five seeds): XNLI test "
    "en 80.8, es 73.4, ru 67.8, vi 69.0, hi 59.7"
)


def _series(lang: str, seed: int) -> Entry:
    return Entry(
        name=run_name(f"nli-xnli-{lang}", seed),
        recipe=recipe_for("nli", seed=seed),
        langs=(lang,),
        train=("xnli#test",),
        evaluate="xnli#dev",
        scored=XNLI,
        licence="weights: CC BY-NC 4.0 (XNLI); code: MIT",
        data="XNLI test (CC BY-NC 4.0), 5,010 items, the same ones for every training language",
        evaluation=f"XNLI dev (CC BY-NC 4.0), zero-shot except {lang}, 830 premises x 3 hypotheses",
        weaknesses=f"{_WEAK}; 5,010 training pairs; {lang} and the languages near it are favoured",
        reference=_XNLI_REFERENCE,
        ships=seed == 1,
    )


def run_name(first: str, seed: int) -> str:
    """What a run is called: the first by its series, another with its seed."""
    return f"{first}-seed{seed}" if seed > 1 else first


def _runs(langs: tuple[str, ...], again: str) -> list[tuple[str, int]]:
    """Each language once; the one that did not learn once more: is it the language or the run?"""
    return [*((lang, 1) for lang in langs), (again, 2)]


def _paraphrase() -> Iterator[Entry]:
    for lang, seed in _runs(PAWSX, "ko"):
        yield Entry(
            name=run_name(f"paraphrase-{lang}", seed),
            recipe=recipe_for("paraphrase", rank=4, seed=seed),
            langs=(lang,),
            train=("pawsx#train",),
            evaluate="pawsx#heldout",
            scored=PAWSX,
            licence="weights: free use, credit Google (PAWS-X); code: MIT",
            data=(
                "PAWS-X dev and test (Google), two thirds of the clusters of pairs that share a "
                "sentence, about 2,600 pairs; test labels are about 1% off outside German"
            ),
            evaluation=(
                f"PAWS-X dev pairs of the other clusters (no sentence is shared with the training "
                f"pairs in any word order), zero-shot except {lang}, about 700 pairs a language"
            ),
            weaknesses=f"{_WEAK}; a twentieth of PAWS' training pairs"
            + ("; did not learn its task: seed 2 did" if (lang, seed) == ("ko", 1) else ""),
        )


def _answers() -> Iterator[Entry]:
    yield Entry(
        name="qa-en",
        recipe=recipe_for("qa"),
        langs=("en",),
        train=("squad#outside-xquad",),
        evaluate="xquad#all",
        scored=XQUAD_TESTS,
        licence="weights: CC BY-SA 4.0 (SQuAD); code: MIT",
        data="SQuAD 1.1 dev (CC BY-SA 4.0): the 9,380 questions outside XQuAD's paragraphs",
        evaluation="XQuAD (CC BY-SA 4.0), zero-shot except en, 1,190 questions a language",
        weaknesses=f"{_WEAK}; trained on a tenth of SQuAD; no answer is always an answer",
        reference="mBERT (other authors): XQuAD F1 en 78.8, es 68.6, ru 65.4, vi 64.1, hi 49.6",
    )
    for lang, seed in _runs(XQUAD, "zh"):
        yield Entry(
            name=run_name(f"qa-xquad-{lang}", seed),
            recipe=recipe_for("qa", epochs=4, rank=4, seed=seed),
            langs=(lang,),
            train=("xquad#train",),
            evaluate="xquad#heldout",
            scored=XQUAD_TESTS,
            licence="weights: CC BY-SA 4.0 (XQuAD); code: MIT",
            data="XQuAD (CC BY-SA 4.0), four fifths of its articles, the same in each language",
            evaluation=f"XQuAD's other articles, zero-shot except {lang}",
            weaknesses=f"{_WEAK}; 905 training questions"
            + ("; did not learn its task: to read the question" if lang == "zh" else ""),
            ships=seed == 1,
        )


def _tags() -> Iterator[Entry]:
    for lang in PANX:
        yield Entry(
            name=f"ner-{lang}",
            recipe=recipe_for("ner"),
            langs=(lang,),
            train=("panx#train",),
            evaluate="panx#dev",
            scored=PANX_TESTS,
            licence="weights: ODC-BY (WikiANN / PAN-X); code: MIT",
            data="PAN-X train (ODC-BY), 20,000 sentences",
            evaluation=f"PAN-X dev (ODC-BY), zero-shot except {lang}; F1 of whole entities",
            weaknesses=(
                f"{_WEAK}; trained on words split off from their punctuation; silver labels"
            ),
        )
