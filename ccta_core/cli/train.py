"""`ccta models train`: a task's head and adapter on data of one's own or of the benchmarks."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ccta_core.cli.write import progress, write_text
from ccta_core.config import cache_root
from ccta_core.corpus.items import Item
from ccta_core.corpus.labels import (
    CLASSES,
    changed,
    in_words,
    match_labels,
    match_tags,
    relabel_items,
)
from ccta_core.corpus.spread import spread_groups
from ccta_core.errors import CctaError
from ccta_core.models.catalog import ModelInfo, adjusted, catalog, find
from ccta_core.study.request import setting
from ccta_core.text import command_line, option

if TYPE_CHECKING:
    from ccta_core.training.loop import AuxiliaryLoss

_EXAMPLE = (
    "ccta models train --task nli --train xnli:../shared/data/xnli#test --lang es "
    "--eval xnli:../shared/data/xnli#dev --out cache/models/mine/nli-es"
)
_TASKS = ("nli", "paraphrase", "qa", "ner")


class _Amount(NamedTuple):
    """How many items of each data set and language: the first, or spread evenly; None: all."""

    limit: int | None = None
    spread: bool = False


def add(actions: argparse._SubParsersAction) -> None:
    """Declares `models train`."""
    parser = actions.add_parser("train", help="train a head and an adapter", epilog=_EXAMPLE)
    parser.add_argument("--task", required=True, choices=_TASKS)
    parser.add_argument(
        "--train", required=True, action="append", metavar="SPEC",
        help="data set, see `ccta data list`; given again: read together",
    )  # fmt: skip
    parser.add_argument("--lang", required=True, help="language to train on, or several: en,es")
    parser.add_argument("--dev", metavar="SPEC", help="stop early on this data's loss")
    parser.add_argument("--eval", metavar="SPEC", help="score on this data, for the card")
    parser.add_argument("--eval-langs", metavar="LANGS", help="languages to score on (all)")
    parser.add_argument(
        "--out", type=Path, help="folder (cache/models/own/TASK-LANG, with -seedN from seed 2 on)"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=int, help="the first N items of each data set")
    parser.add_argument(
        "--spread", action="store_true",
        help="N items spread evenly over each data set instead, premises whole: files often come "
        "genre by genre",
    )  # fmt: skip
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--lr", type=float, dest="learning_rate")
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--max-tokens", type=int)
    parser.add_argument("--rank", type=int, help="of the adapter (8)")
    parser.add_argument("--full", action="store_true", help="train every weight, no adapter")
    parser.add_argument(
        "--from", dest="start", metavar="ID", help="go on from this adapter or backbone"
    )
    parser.add_argument(
        "--continual", metavar="NAME_OR_SPEC",
        help="continual learning: keep linked words together and English in its place meanwhile, "
        "with the pairs of an adjustment, or parallel text (see ccta adjust run)",
    )  # fmt: skip
    parser.add_argument("--continual-lang", metavar="L", help="of the parallel text: es")
    parser.add_argument("--align-weight", type=float, help="of the linked words' distance (1)")
    parser.add_argument("--anchor-weight", type=float, help="of English moved from its place (1)")
    parser.add_argument(
        "--continual-placebo", action="store_true", help="re-pair all links at random"
    )
    parser.add_argument("--precision", choices=("bfloat16", "float32"), default="bfloat16")
    parser.add_argument("--device", help="cpu or cuda (the GPU where there is one)")
    parser.add_argument("--licence", default="not stated", help="of the data, for the card")
    parser.add_argument("--json", action="store_true", help="the card as JSON on stdout")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from ccta_core.corpus.demo import read_demo
    from ccta_core.models.processor import bfloat16_warning, device_of
    from ccta_core.training.finish import make_loadable, score_card
    from ccta_core.training.fit import Data, fit, labels_of
    from ccta_core.training.recipe import recipe_for

    if options.full and options.rank:
        raise CctaError("--full trains every weight and has no rank; give one of the two")
    if (options.full or options.rank == 0) and options.eval:
        raise CctaError(
            "--full writes a model without a card to keep scores in; leave --eval out, and score "
            "it where it is used (a study, say)"
        )
    if options.eval_langs and not options.eval:
        raise CctaError("--eval-langs names languages to score on; give the data by --eval too")
    recipe = recipe_for(
        options.task,
        rank=0 if options.full else options.rank,
        bfloat16=options.precision == "bfloat16",
        **{
            name: getattr(options, name)
            for name in ("seed", "epochs", "learning_rate", "batch_size", "max_tokens")
        },
    )
    langs = options.lang.split(",")
    if options.spread and options.limit is None:
        raise CctaError("--spread spreads a number of items over the data; give --limit too")
    setting("limit").check(options.limit)
    amount = _Amount(options.limit, options.spread)
    items = _read(options.task, options.train, langs, amount)
    # A wrong data set, or one with other labels, is told before hours are spent.
    classes = labels_of(options.task, items)
    dev = _read(options.task, [options.dev], langs, _Amount(), classes) if options.dev else []
    data = Data(items=items, dev=dev, spec=tuple(options.train))
    scored = _scored(options, classes)
    name = f"{options.task}-{options.lang.replace(',', '-')}"
    name += "" if options.seed == 1 else f"-seed{options.seed}"
    out = options.out or cache_root() / "models" / "own" / name
    device = device_of(options.device)
    if recipe.bfloat16 and (slow := bfloat16_warning(device)):
        progress(f"{slow}; --precision float32 trains in float32")
    start = _start(options.start) if options.start else None
    auxiliary = _continual(options, start, device)
    facts = fit(data, recipe, out, start=start, auxiliary=auxiliary, device=device)
    if recipe.rank == 0:
        _report_facts(
            options, facts, f"the whole model lies in {out}; {_reading_command(out)} reads it"
        )
        return
    demo = read_demo("nli")
    texts = {
        lang: [item.sentences[lang].text for item in demo] for lang in sorted(demo[0].sentences)
    }
    model = make_loadable(out, facts, texts, data=", ".join(data.spec), licence=options.licence)
    card = score_card(out, model, scored)
    _report_facts(options, card, f"the adapter lies in {out}; {_reading_command(out)} reads it")


def _start(name: str) -> ModelInfo:
    """Returns an adapter or backbone of the catalogue, an adjustment also by its name alone, else
    the encoder of a folder or hub model.

    Raises CctaError where it is none of these.
    """
    if name not in catalog() and (made := adjusted(name)) is not None:
        return made
    hub = name.count("/") == 1 and name.split("/")[0] not in {
        key.split("/")[0] for key in catalog()
    }
    if name not in catalog() and (Path(name).is_dir() or hub):
        return ModelInfo(name, "backbone", None, (), (), 0, "")
    return find(name)


def _continual(
    options: argparse.Namespace, start: ModelInfo | None, device: str
) -> "AuxiliaryLoss | None":
    """Returns the terms of continual learning, where they are asked for."""
    from ccta_core.adjustment.continual import ContinualSettings, open_continual
    from ccta_core.training.loop import to_stderr

    weights = {
        name: getattr(options, name)
        for name in ("align_weight", "anchor_weight")
        if getattr(options, name) is not None
    }
    if options.continual is None:
        if weights or options.continual_placebo or options.continual_lang:
            raise CctaError(
                "weights and placebo of continual learning were given without its pairs; add "
                "--continual with an adjustment or parallel text"
            )
        return None
    settings = ContinualSettings(
        options.continual, options.continual_lang, placebo=options.continual_placebo, **weights
    )
    return open_continual(
        settings,
        start,
        seed=options.seed,
        bfloat16=options.precision == "bfloat16",
        report=to_stderr,
        device=device,
    )


def _reading_command(out: Path) -> str:
    return command_line(["pair", *option("model", out)])


def _read(
    task: str,
    specs: Sequence[str],
    langs: Sequence[str] | None,
    amount: _Amount,
    classes: Sequence[str] | None = None,
) -> list[Item]:
    """Returns the items of data sets, by the head's names for their labels and tags; what is left
    out and what is named otherwise is said.

    `classes` are the head's, None where the task's own, or the tags of the items, become its.
    Raises CctaError as the readers do, and on labels that are not certainly among the classes.
    """
    from ccta_core.corpus.spec import scan

    items: list[Item] = []
    for spec in specs:
        scanned = scan(spec, langs, limit=None if amount.spread else amount.limit)
        reading = scanned.reading
        if amount.spread and amount.limit is not None:
            by_lang = groupby(reading.items, key=attrgetter("lang"))
            chosen = [spread_groups(of_lang, amount.limit) for _, of_lang in by_lang]
            reading = replace(reading, items=tuple(chain.from_iterable(chosen)))
        mapping: dict[str, str] = {}
        if task == "ner" and classes is not None:
            tags = {tag for item in reading.items for tag in item.tags}
            mapping = match_tags(tags, classes, data=spec, model="the training data")
        elif task in CLASSES:
            head_classes = classes or CLASSES[task]
            mapping = match_labels(
                scanned.all_labels, head_classes, data=spec, model=f"the task {task}"
            )
        items += relabel_items(reading.items, mapping)
        if reading.left_out:
            first = reading.left_out[0]
            sys.stderr.write(
                f"{spec}: {len(reading.left_out)} left out, first {first.place}: {first.reason}\n"
            )
        if changed(mapping):
            sys.stderr.write(f"{spec}: labels read as {in_words(changed(mapping))}\n")
    return items


def _scored(options: argparse.Namespace, classes: Sequence[str]) -> dict[str, list[Item]]:
    """Returns the items to score on, by language."""
    by_lang: dict[str, list[Item]] = {}
    if options.eval:
        langs = options.eval_langs.split(",") if options.eval_langs else None
        amount = _Amount(options.limit, options.spread)
        for item in _read(options.task, [options.eval], langs, amount, classes):
            by_lang.setdefault(item.lang, []).append(item)
    return by_lang


def _report_facts(options: argparse.Namespace, facts: dict[str, Any], line: str) -> None:
    continual = facts.get("training", facts).get("continual")
    if continual is not None:
        from ccta_core.adjustment.continual import gradient_line

        sys.stderr.write(f"{gradient_line(continual)}\n")
    if options.json:
        write_text("-", json.dumps(facts, ensure_ascii=False, indent=1) + "\n")
    sys.stderr.write(f"{line}\n")
