"""`ccta models train`: a task's head and adapter on data of one's own or of the benchmarks."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ccta_core.cli.write import write_text
from ccta_core.config import cache_root
from ccta_core.errors import CctaError
from ccta_core.models.catalog import find

_EXAMPLE = (
    "ccta models train --task nli --train xnli:../shared/data/xnli#test --lang es "
    "--eval xnli:../shared/data/xnli#dev --out cache/models/mine/nli-es"
)
_TASKS = ("nli", "paraphrase", "qa", "ner")


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
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--lr", type=float, dest="learning_rate")
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--max-tokens", type=int)
    parser.add_argument("--rank", type=int, help="of the adapter (8)")
    parser.add_argument("--full", action="store_true", help="train every weight, no adapter")
    parser.add_argument("--from", dest="start", metavar="ID", help="go on from this adapter")
    parser.add_argument("--precision", choices=("bfloat16", "float32"), default="bfloat16")
    parser.add_argument("--device", help="cpu or cuda (the GPU where there is one)")
    parser.add_argument("--licence", default="not stated", help="of the data, for the card")
    parser.add_argument("--json", action="store_true", help="the card as JSON on stdout")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    import torch

    from ccta_core.corpus.demo import read_demo
    from ccta_core.training.finish import make_loadable, score_card
    from ccta_core.training.fit import Data, fit
    from ccta_core.training.recipe import recipe_for

    if options.full and options.rank:
        raise CctaError("--full trains every weight and has no rank; give one of the two")
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
    data = Data(
        items=_read(options.train, langs, options.limit),
        dev=_read([options.dev], langs, None) if options.dev else (),
        spec=tuple(options.train),
    )
    scored = _scored(options)  # a wrong data set is told before hours are spent
    out = options.out or cache_root() / "models" / "own" / _name(options)
    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    start = find(options.start) if options.start else None
    facts = fit(data, recipe, out, start=start, device=device)
    if options.full:
        _say(options, facts, f"the whole model lies in {out}; ccta pair --model {out} reads it")
        return
    demo = read_demo("nli")
    texts = {
        lang: [item.sentences[lang].text for item in demo] for lang in sorted(demo[0].sentences)
    }
    model = make_loadable(out, facts, texts, data=", ".join(data.spec), licence=options.licence)
    card = score_card(out, model, scored)
    _say(options, card, f"the adapter lies in {out}; ccta pair --model {out} reads it")


def _name(options: argparse.Namespace) -> str:
    name = f"{options.task}-{options.lang.replace(',', '-')}"
    return name if options.seed == 1 else f"{name}-seed{options.seed}"


def _read(specs: Sequence[str], langs: Sequence[str], limit: int | None) -> tuple[Any, ...]:
    from ccta_core.corpus.spec import read_items

    items: list[Any] = []
    for spec in specs:
        found = read_items(spec, langs, limit=limit)
        items += found.items
        if found.left_out:
            first = found.left_out[0]
            sys.stderr.write(
                f"{spec}: {len(found.left_out)} left out, first {first.place}: {first.reason}\n"
            )
    return tuple(items)


def _scored(options: argparse.Namespace) -> dict[str, list[Any]]:
    if not options.eval:
        return {}
    langs = options.eval_langs.split(",") if options.eval_langs else None
    by_lang: dict[str, list[Any]] = {}
    from ccta_core.corpus.spec import read_items

    for item in read_items(options.eval, langs, limit=options.limit).items:
        by_lang.setdefault(item.lang, []).append(item)
    return by_lang


def _say(options: argparse.Namespace, facts: dict[str, Any], line: str) -> None:
    if options.json:
        write_text("-", json.dumps(facts, ensure_ascii=False, indent=1) + "\n")
    sys.stderr.write(f"{line}\n")
