"""What docs/faithfulness.md declares: models, data, items and settings of each of its parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ccta_core.config import Config, Quadrature
from ccta_core.faithfulness.measure import short_items
from ccta_core.faithfulness.report import FaithfulnessReport, report_on
from ccta_core.faithfulness.settings import FaithfulnessDesign, Noise, Search, settings_of
from ccta_core.models.model import Model
from ccta_core.sensitivity.settings import Setting, spread
from ccta_core.study.selection import select_items

MODEL = "e5-small/nli-en"
DEFAULT = Setting("lig", 8, "pad", "abs")
"""The setting that the question is about."""
SETTINGS = tuple(
    dict.fromkeys(
        (
            DEFAULT,
            *settings_of(["lig"], [0, 4, 8, 11], ["pad"], ["abs", "norm", "positive"]),
            *settings_of(["lig"], [0, 8], ["mask"], ["abs", "positive"]),
            *settings_of(["input_x_gradient"], [0], ["pad"], ["abs", "norm", "positive"]),
            *settings_of(["gradient_norm", "rollout"], [0], ["pad"], ["abs"]),
            *settings_of(["occlusion"], [0], ["pad"], ["abs", "positive"]),
        )
    )
)
FEW_SETTINGS = (
    DEFAULT,
    *settings_of(["lig"], [0], ["pad"], ["abs", "positive"]),
    Setting("lig", 8, "pad", "positive"),
    *settings_of(["input_x_gradient"], [0], ["pad"], ["abs"]),
    *settings_of(["occlusion"], [0], ["pad"], ["positive"]),
)
NOISE = Noise(scale=0.05, draws=1)
Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Measurement:
    """One part of the page: a model, its data and what is measured on it.

    `data` is the corpus with {} for the folder of the data; `most_units` is the longest text's in
    any of the languages. Where `noise` is given, masses are compared and nothing is removed.
    """

    name: str
    model: str
    data: str
    corpus: str
    languages: tuple[str, ...]
    items: int
    most_units: int
    settings: tuple[Setting, ...] = FEW_SETTINGS
    search: Search = field(default_factory=lambda: Search(width=2, exact=7))
    replacements: tuple[str, ...] = ("pad", "mask")
    precision: str = "bf16"
    crop: int | None = None
    noise: Noise = field(default_factory=Noise)

    def design(self, model: Model, data: str) -> FaithfulnessDesign:
        """The declared items and settings. Raises CctaError where the data is not there."""
        corpus = select_items(self.data.format(data), self.languages, crop=self.crop)
        # Counting units takes a tokenizer: first the texts that can't be short are left out.
        likely = [
            item
            for item in corpus.examples
            if sum(len(text.split()) for text in item.sentences[self.languages[0]].segments)
            <= self.most_units
        ]
        return FaithfulnessDesign(
            items=spread(short_items(model, likely, self.languages, self.most_units), self.items),
            languages=self.languages,
            settings=self.settings,
            config=Config(
                shuffles=0, quadrature=Quadrature(max_points=33), precision=self.precision
            ),
            replacements=self.replacements,
            search=self.search,
            noise=self.noise,
            corpus=self.corpus,
        )


NLI = Measurement(
    "nli", MODEL, "xnli:{}/xnli#dev", "XNLI dev", ("en", "es", "zh", "ar", "sw"),
    items=16, most_units=12, settings=SETTINGS,
)  # fmt: skip
NOISY = replace(
    NLI, name="noise", items=8, settings=FEW_SETTINGS, replacements=(), precision="fp32",
    noise=NOISE,
)  # fmt: skip
"""How far noise moves the masses: in float32, or rounding would count as noise."""
OTHERS = (
    *(
        Measurement(
            f"ner-{lang}", "e5-small/ner-en", "panx:{}/panx#dev", "PAN-X dev", (lang,),
            items=10, most_units=12,
        )
        for lang in ("en", "es", "zh", "ar", "sw")
    ),
    Measurement(
        "qa", "e5-small/qa-en", "xquad:{}/xquad", "XQuAD, contexts cut to 16 tokens", ("en", "es"),
        items=8, most_units=24, search=Search(width=1, exact=7), crop=16,
    ),
    Measurement(
        "paraphrase", "e5-small/paraphrase-en", "pawsx:{}/pawsx#test", "PAWS-X test",
        ("en", "es", "zh"), items=8, most_units=30, search=Search(width=1, exact=7),
    ),
)  # fmt: skip
MEASUREMENTS = {part.name: part for part in (NLI, *OTHERS, NOISY)}
"""In the order in which they are measured."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A measurement with the items that are there by now."""

    part: Measurement
    model: Model
    design: FaithfulnessDesign
    records: tuple[Record, ...]

    @property
    def report(self) -> FaithfulnessReport | None:
        """The report on them; None where there are none."""
        return report_on(self.model, self.design, self.records) if self.records else None

    def with_changes(self, noisy: Sequence[Record]) -> tuple[Record, ...]:
        """The items with how far noise moved their masses, where that was measured."""
        changes = {
            (record["item"], cell["lang"]): cell["mass_change"]
            for record in noisy
            for cell in record["cells"]
        }
        return tuple(
            {
                **record,
                "cells": [
                    {**cell, "mass_change": changes.get((record["item"], cell["lang"]), {})}
                    for cell in record["cells"]
                ],
            }
            for record in self.records
        )
