"""Measures which settings name what the model uses, and writes docs/faithfulness.md.

python -m research.documents.faithfulness DATA [--minutes N] [--out FILE]

Short items of XNLI's development part, so that every step can be measured and the bounds are close.
Items are kept in the cache one by one: stopped, it goes on where it was. With `--minutes` it stops
in time and the page says how much was measured.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ccta_core.cli.write import progress
from ccta_core.config import Config, Quadrature
from ccta_core.corpus.spec import read_corpus
from ccta_core.errors import StoppedError
from ccta_core.faithfulness.measure import CHUNK, measure, short_items
from ccta_core.faithfulness.report import report_on
from ccta_core.faithfulness.rows import RowFile, default_file
from ccta_core.faithfulness.settings import FaithfulnessDesign, Search, settings_of
from ccta_core.faithfulness.tables import faithfulness_verdict, markdown
from ccta_core.models.load import load_model
from ccta_core.models.model import Model
from ccta_core.sensitivity.settings import REFERENCE, Setting, spread

MODEL = "e5-small/nli-en"
LANGUAGES = ("en", "es", "zh", "ar", "sw")
ITEMS = 16
MOST_UNITS = 12
DEFAULT = Setting("lig", 8, "pad", "abs")
"""The setting that the question is about."""
SETTINGS = tuple(
    dict.fromkeys(
        (
            DEFAULT,
            *settings_of(["lig"], [0, 4, 8, 11], ["pad"], ["abs", "norm", "positive"]),
            *settings_of(["input_x_gradient"], [0], ["pad"], ["abs", "norm", "positive"]),
            *settings_of(["gradient_norm", "rollout"], [0], ["pad"], ["abs"]),
            *settings_of(["occlusion"], [0], ["pad"], ["abs", "positive"]),
        )
    )
)
SEARCH = Search(width=2, exact=7)
PAGE = Path(__file__).parents[2] / "docs" / "faithfulness.md"
Record = Mapping[str, Any]


def design_of(model: Model, data: str) -> FaithfulnessDesign:
    """The declared measurement: one short item of each of sixteen premises in five languages."""
    corpus = read_corpus(f"xnli:{data}/xnli#dev", LANGUAGES)
    # Counting units takes a tokenizer: first the texts that can't be short are left out.
    likely = [
        item
        for item in corpus.examples
        if sum(len(text.split()) for text in item.sentences["en"].segments) <= MOST_UNITS
    ]
    return FaithfulnessDesign(
        items=spread(short_items(model, likely, LANGUAGES, MOST_UNITS), ITEMS),
        languages=LANGUAGES,
        settings=SETTINGS,
        config=Config(shuffles=0, quadrature=Quadrature(max_points=33)),
        search=SEARCH,
        corpus="XNLI dev",
    )


def measured(model: Model, design: FaithfulnessDesign, until: float) -> list[dict[str, Any]]:
    """The items that are measured, those missing measured now, until the time is up."""
    facts = design.facts(model.id, model.revision)
    rows = RowFile(default_file(facts), facts)
    try:
        return measure(model, design, rows, progress, lambda: time.monotonic() > until)
    except StoppedError:
        return rows.read(CHUNK, len(design.items))


def joined(records: Sequence[Record], others: Sequence[Record]) -> list[dict[str, Any]]:
    """The items with what both replacements say of them, where both were measured."""
    replaced = {
        (record["item"], cell["lang"]): cell["replacements"]
        for record in others
        for cell in record["cells"]
    }
    return [
        {
            **record,
            "cells": [
                {
                    **cell,
                    "replacements": cell["replacements"]
                    | replaced.get((record["item"], cell["lang"]), {}),
                }
                for cell in record["cells"]
            ],
        }
        for record in records
    ]


def main() -> None:
    """Measures what is missing and writes the page."""
    parser = argparse.ArgumentParser(description="Write docs/faithfulness.md.")
    parser.add_argument("data")
    parser.add_argument("--minutes", type=float, default=1e6)
    parser.add_argument("--out", type=Path, default=PAGE)
    options = parser.parse_args()
    until = time.monotonic() + 60 * options.minutes
    model = load_model(MODEL)
    design = design_of(model, options.data)
    by_pad = measured(model, design, until)
    by_mask = measured(model, replace(design, replacements=("mask",)), until)
    both = replace(design, replacements=("pad", "mask"))
    report = report_on(model, both, joined(by_pad, by_mask))
    page = markdown(report, str(DEFAULT), "python -m research.documents.faithfulness DATA")
    engine = "\n".join(f"- {line}" for line in faithfulness_verdict(report, str(REFERENCE)))
    own = f"\n## The engine's own default, {REFERENCE}\n\n{engine}\n"
    options.out.write_text(f"{page}{own}{_limits(len(by_pad), len(by_mask))}\n", "utf-8")


def _limits(by_pad: int, by_mask: int) -> str:
    """What these numbers do not say."""
    return (
        "\n## What was not run\n\n"
        f"- Measured: {by_pad} of {ITEMS} items with PAD, {by_mask} with MASK. Items are short (at "
        f"most {MOST_UNITS} units in every language): what holds of long texts may differ.\n"
        "- Baselines other than PAD, the negative mass, other layers, other models and tasks, and "
        "the change of masses under noise (`ccta faithfulness --noise 0.05`).\n"
        "- Exact decompositions of the encoder (as DecompX).\n"
        "- A text with PAD or MASK in it is none that the model was trained on; a ranking by "
        "integrated gradients from PAD, or by occlusion, is made of the same replacement that "
        "tests it. Where PAD and MASK disagree, neither is to be believed alone."
    )


if __name__ == "__main__":
    main()
