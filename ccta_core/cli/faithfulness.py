"""`ccta faithfulness`: does an attribution name what the model uses?"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ccta_core.attribution.methods import METHODS, traits
from ccta_core.cli.read import one_of, read_layer, read_list
from ccta_core.cli.write import check_targets, progress, write_text
from ccta_core.config import BASELINES, MASSES, PRECISIONS, Config, Quadrature
from ccta_core.errors import CctaError
from ccta_core.faithfulness.settings import (
    FEWEST_ITEMS,
    REPLACEMENTS,
    TARGETS,
    FaithfulnessDesign,
    Noise,
    Search,
    settings_of,
)
from ccta_core.languages import language
from ccta_core.sensitivity.settings import spread
from ccta_core.text import command_line, option
from ccta_core.types import ParallelExample

_EXAMPLE = """example:
  ccta faithfulness --model e5-small/nli-en --data demo:nli --languages en,es,zh --limit 6 \\
    --methods lig,occlusion --layers 0,8 --masses abs,positive --replace pad,mask --json -

Rows are kept item by item; the same command goes on with a run that was killed.
"""
_NO_CHOICE = ("run", "json", "csv", "rows")


def add(commands: argparse._SubParsersAction) -> None:
    """Declares the command and its flags."""
    parser = commands.add_parser(
        "faithfulness",
        help="does an attribution name what the model uses?",
        description="Words are removed in the order of their masses, and the model is asked again.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    default, search, noise = Config(), Search(), Noise()
    parser.add_argument(
        "--model", default="e5-small/nli-en", help="a zoo id, a folder or a hub name"
    )
    parser.add_argument("--data", default="demo:nli", help="items, as of ccta study: demo:nli")
    parser.add_argument("--languages", default="en,es,zh,ar,sw", help="en,es,...")
    parser.add_argument("--limit", type=int, default=6, help="how many items, premises spread")
    parser.add_argument("--most-units", type=int, help="leave longer texts' items out")
    parser.add_argument("--crop", type=int, help="cut contexts of questions to so many tokens")
    parser.add_argument("--methods", default="lig", help=f"any of {','.join(METHODS)}")
    parser.add_argument("--layers", default="0,8")
    parser.add_argument("--baselines", default=default.baseline, help=f"of {','.join(BASELINES)}")
    parser.add_argument("--masses", default="abs", help=f"any of {','.join(MASSES)}")
    parser.add_argument("--replace", default="pad", help="what words become: pad, mask or both")
    parser.add_argument("--target-class", choices=TARGETS, default="each")
    parser.add_argument("--random", type=int, default=3, help="random rankings of each text")
    parser.add_argument(
        "--beam", type=int, default=search.width, help="width of the search for best and worst"
    )
    parser.add_argument(
        "--exact", type=int, default=search.exact, help="most units of which all orders are tried"
    )
    parser.add_argument(
        "--noise", type=float, default=noise.scale, help="noise on the states, such as 0.05"
    )
    parser.add_argument("--noise-draws", type=int, default=noise.draws)
    parser.add_argument("--seed", type=int, default=default.seed)
    parser.add_argument("--precision", choices=PRECISIONS, default=default.precision)
    parser.add_argument("--max-points", type=int, default=Quadrature().max_points)
    parser.add_argument("--rows", metavar="FILE", help="where rows are kept (the cache)")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON; - is stdout")
    parser.add_argument("--csv", metavar="FILE", help="write the rows as CSV; - is stdout")
    parser.add_argument("--markdown", metavar="FILE", help="write a page; - is stdout")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Measures what is missing and writes what was asked for; a table where nothing was.

    Raises CctaError on bad input.
    """
    check_targets(options.json, options.csv, options.markdown)
    settings = settings_of(
        read_list("methods", options.methods, lambda name: traits(name).name),
        read_list("layers", options.layers, read_layer),
        read_list("baselines", options.baselines, one_of("baseline", BASELINES)),
        read_list("masses", options.masses, one_of("mass", MASSES)),
    )
    languages = read_list("languages", options.languages, lambda code: language(code).code)
    if options.limit < FEWEST_ITEMS:
        raise CctaError(
            f"{options.limit} items are too few for an interval; expected --limit "
            f"{FEWEST_ITEMS} or more"
        )
    config = Config(
        seed=options.seed,
        quadrature=Quadrature(max_points=options.max_points),
        shuffles=0,
        precision=options.precision,
    )
    design = FaithfulnessDesign(
        items=_items(options, languages),
        languages=tuple(languages),
        settings=settings,
        config=config,
        target=options.target_class,
        replacements=tuple(
            read_list("replace", options.replace, one_of("replacement", REPLACEMENTS))
        ),
        draws=options.random,
        search=Search(options.beam, options.exact),
        noise=Noise(options.noise, options.noise_draws),
        corpus=options.data,
    )
    _measure(options, design)


def _measure(options: argparse.Namespace, design: FaithfulnessDesign) -> None:
    progress(f"loading {options.model}")
    from ccta_core.faithfulness.measure import short_items  # torch, where something is computed
    from ccta_core.faithfulness.report import faithfulness
    from ccta_core.faithfulness.rows import RowFile
    from ccta_core.faithfulness.tables import markdown, table
    from ccta_core.models.load import load_model

    model = load_model(options.model)
    items = design.items
    if options.most_units is not None:
        items = tuple(short_items(model, items, design.languages, options.most_units))
    design = replace(design, items=spread(items, options.limit))
    rows = None
    if options.rows:
        rows = RowFile(Path(options.rows), design.facts(model.id, model.revision))
    report = faithfulness(model, design, rows=rows, report=progress)
    first = report.settings[0]
    if options.json:
        write_text(options.json, report.to_json() + "\n")
    if options.csv:
        write_text(options.csv, report.to_csv())
    if options.markdown:
        write_text(options.markdown, markdown(report, first, _command(options)))
    if not (options.json or options.csv or options.markdown):
        sys.stdout.write(table(report, first))
    for notice in report.notices:
        progress(notice)


def _items(options: argparse.Namespace, languages: Sequence[str]) -> tuple[ParallelExample, ...]:
    """The items of the data that are there in all the languages."""
    from ccta_core.study.selection import select_items

    return select_items(options.data, languages, crop=options.crop).examples


def _command(options: argparse.Namespace) -> str:
    """The line that gives the same numbers again, every choice spelt out."""
    given = {name: value for name, value in vars(options).items() if name not in _NO_CHOICE}
    words = [
        word for name, value in given.items() if value is not None for word in option(name, value)
    ]
    return command_line(["faithfulness", *words])
