"""`ccta sensitivity`: does the conclusion survive another method, layer, baseline or mass?"""

import argparse
import sys

from ccta_core.attribution.methods import METHODS, traits
from ccta_core.cli.read import one_of, read_layer, read_list
from ccta_core.cli.write import check_targets, progress, write_text
from ccta_core.config import BASELINES, MASSES, SPACES, Config, Quadrature
from ccta_core.corpus.demo import read_demo
from ccta_core.errors import CctaError
from ccta_core.sensitivity.settings import REFERENCE, TARGETS, Pair, SensitivityDesign, grid, spread
from ccta_core.text import command_line, option

_EXAMPLE = """example:
  ccta sensitivity --model e5-small/nli-en --corpus demo:nli --pairs en-es,en-zh --limit 12 \\
    --layers 0,4,8 --methods lig,occlusion,rollout --json -
"""
_METHODS = "lig,input_x_gradient,gradient_norm,occlusion,rollout"
_NO_CHOICE = ("run", "json")


def add(commands: argparse._SubParsersAction) -> None:
    """Declares the command and its flags."""
    parser = commands.add_parser(
        "sensitivity",
        help="compare conclusions under many settings",
        description=f"Every setting is compared with the reference: {REFERENCE}.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    default = Config()
    parser.add_argument(
        "--model", default="e5-small/nli-en", help="a zoo id, a folder or a hub name"
    )
    parser.add_argument("--corpus", default="demo:nli", help="parallel items: demo:nli")
    parser.add_argument("--pairs", default="en-es,en-zh,en-ar", help="en-es,en-zh,...")
    parser.add_argument("--limit", type=int, default=12, help="how many items, premises spread")
    parser.add_argument("--layers", default="0,4,8")
    parser.add_argument("--methods", default=_METHODS, help=f"any of {','.join(METHODS)}")
    parser.add_argument("--baselines", default=",".join(BASELINES))
    parser.add_argument("--masses", default=",".join(MASSES))
    parser.add_argument("--target-class", choices=TARGETS, default="gold")
    parser.add_argument("--space", choices=SPACES, default=default.space)
    parser.add_argument("--align-layer", type=int, help="layer of the embeddings that are compared")
    parser.add_argument("--shuffles", type=int, default=20)
    parser.add_argument("--resamplings", type=int, default=1000, help="for the 95%% intervals")
    parser.add_argument("--seed", type=int, default=default.seed)
    parser.add_argument(
        "--max-points",
        type=int,
        default=Quadrature().max_points,
        help="most points of a path integral; what needs more counts as not converged",
    )
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON; - is stdout")
    parser.add_argument("--markdown", metavar="FILE", help="write a page; - is stdout")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Measures, compares and writes what was asked for; a table where nothing was.

    Raises CctaError on bad input.
    """
    design = _question(options)
    if options.resamplings < 0:
        raise CctaError(f"resamplings is {options.resamplings}; expected 0 or more")
    check_targets(options.json, options.markdown)
    progress(f"loading {options.model}")
    from ccta_core.models.load import load_model  # torch, only where something is computed
    from ccta_core.sensitivity.report import sensitivity
    from ccta_core.sensitivity.tables import markdown, table

    model = load_model(options.model)
    report = sensitivity(model, design, draws=options.resamplings, report=progress)
    if options.json:
        write_text(options.json, report.to_json() + "\n")
    if options.markdown:
        write_text(options.markdown, markdown(report, _command(options)))
    if not options.json and not options.markdown:
        sys.stdout.write(table(report))
    for notice in report.notices:
        progress(notice)


def _question(options: argparse.Namespace) -> SensitivityDesign:
    if options.limit < 3:
        raise CctaError(f"{options.limit} items can't be ranked; expected --limit 3 or more")
    if options.shuffles < 1:
        raise CctaError("gain needs shuffled masses; expected --shuffles 1 or more")
    return SensitivityDesign(
        items=spread(_items(options.corpus), options.limit),
        pairs=tuple(read_list("pairs", options.pairs, _pair)),
        settings=grid(
            read_list("methods", options.methods, lambda name: traits(name).name),
            read_list("layers", options.layers, read_layer),
            read_list("baselines", options.baselines, one_of("baseline", BASELINES)),
            read_list("masses", options.masses, one_of("mass", MASSES)),
        ),
        config=Config(
            align_layer=options.align_layer,
            space=options.space,
            shuffles=options.shuffles,
            seed=options.seed,
            quadrature=Quadrature(max_points=options.max_points),
        ),
        target=options.target_class,
        corpus=options.corpus,
    )


def _items(corpus: str) -> list:
    kind, _, name = corpus.partition(":")
    if kind != "demo":
        raise CctaError(f"unknown corpus {corpus!r}; expected demo:nli")
    return read_demo(name)


def _pair(text: str) -> Pair:
    source, dash, target = text.partition("-")
    if not (source and dash and target) or source == target:
        raise CctaError(f"{text!r} is no pair of languages; expected for example en-es")
    return source, target


def _command(options: argparse.Namespace) -> str:
    """The line that gives the same numbers again, every choice spelt out."""
    given = {name: value for name, value in vars(options).items() if name not in _NO_CHOICE}
    words = [
        word for name, value in given.items() if value is not None for word in option(name, value)
    ]
    return command_line(["sensitivity", *words])
