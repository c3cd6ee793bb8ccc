"""`ccta pair`: one sentence in two languages, compared."""

import argparse
import re
import webbrowser
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp

from ccta_core.cli.write import progress, write_text
from ccta_core.config import (
    BASELINES,
    MASSES,
    METHODS,
    OBJECTIVES,
    PRECISIONS,
    SPACES,
    Config,
    Quadrature,
)
from ccta_core.corpus.demo import DEMO_PARTS, read_demo
from ccta_core.errors import CctaError
from ccta_core.models.catalog import catalog
from ccta_core.result import PairResult
from ccta_core.store import find_pair
from ccta_core.types import ParallelExample, Sentence, Span

_EXAMPLE = """examples:
  ccta pair --model e5-small/nli-en --source-lang en --target-lang es \\
    --source "The ferry was late." --source-2 "The ferry was on time." \\
    --target "El ferry llegó tarde." --target-2 "El ferry llegó puntual." --json -

  ccta pair --model FOLDER_OF_A_QA_MODEL --source-lang en --target-lang es \\
    --source "Who built it?" --source-2 "The bridge was built by Ada." --source-answer Ada \\
    --target "¿Quién lo hizo?" --target-2 "El puente lo hizo Ada." --target-answer Ada
"""


def add(commands: argparse._SubParsersAction) -> None:
    """Declares the command and its flags."""
    parser = commands.add_parser(
        "pair",
        help="compare one sentence in two languages",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    default = Config()
    parser.add_argument(
        "--model", default="e5-small/nli-en", help="a zoo id, a folder or a hub name"
    )
    parser.add_argument("--source-lang", required=True, metavar="LANG")
    parser.add_argument("--target-lang", required=True, metavar="LANG")
    _add_texts(parser)
    parser.add_argument("--method", choices=METHODS, default=default.method)
    parser.add_argument("--layer", type=int, default=default.layer, help="0 = embedding output")
    parser.add_argument("--align-layer", type=int, help="layer of the embeddings that are compared")
    parser.add_argument("--space", choices=SPACES, default=default.space)
    parser.add_argument("--baseline", choices=BASELINES, default=default.baseline)
    parser.add_argument("--objective", choices=OBJECTIVES, default=default.objective)
    parser.add_argument("--mass", choices=MASSES, default=default.mass)
    parser.add_argument(
        "--target-class",
        default=default.target_class,
        metavar="LABEL",
        help="a label, 'A rather than B' of two classes (of tags: a type, LOC, or one tag, B-LOC), "
        "auto or each",
    )
    parser.add_argument(
        "--shuffles",
        type=int,
        default=default.shuffles,
        help="drawn at first: more follow while p is near .05; few arrangements are all measured",
    )
    parser.add_argument("--unrelated", type=int, default=default.unrelated)
    parser.add_argument("--seed", type=int, default=default.seed)
    parser.add_argument("--precision", choices=PRECISIONS, default=default.precision)
    parser.add_argument(
        "--tolerance",
        type=float,
        default=default.quadrature.tolerance,
        help="largest error of the unit masses, L1, 90%% bound (%(default)s)",
    )
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON; - is stdout")
    parser.add_argument("--html", metavar="FILE", help="write one self-contained page")
    parser.add_argument("--open", action="store_true", help="open the page in the browser")
    parser.set_defaults(run=run)


def _add_texts(parser: argparse.ArgumentParser) -> None:
    source, target = "text (premise, question) in the source language", "its translation"
    parser.add_argument("--source", metavar="TEXT", help=source)
    parser.add_argument("--source-2", metavar="TEXT", help="second text (hypothesis, context)")
    parser.add_argument("--target", metavar="TEXT", help=f"{target}; a demo text needs none")
    parser.add_argument("--target-2", metavar="TEXT", help="the second text's translation")
    parser.add_argument("--item", help="a demo item (ferry-c) instead of texts")
    for side in ("source", "target"):
        parser.add_argument(
            f"--{side}-focus",
            action="append",
            default=[],
            metavar="START:END",
            help=f"characters of the {side}'s last text to explain: the answer, or tagged words",
        )
        parser.add_argument(
            f"--{side}-answer",
            action="append",
            default=[],
            metavar="TEXT",
            help="the same, as a text that occurs once in it",
        )


def run(options: argparse.Namespace) -> None:
    """Compares and writes what was asked for; a summary where nothing was.

    Raises CctaError on bad input.
    """
    config = Config(
        method=options.method,
        layer=options.layer,
        align_layer=options.align_layer,
        space=options.space,
        baseline=options.baseline,
        objective=options.objective,
        mass=options.mass,
        target_class=options.target_class,
        shuffles=options.shuffles,
        unrelated=options.unrelated,
        seed=options.seed,
        precision=options.precision,
        quadrature=Quadrature(tolerance=options.tolerance),
    )
    source, target = _sentences(options)
    source = _with_focus(source, options.source_focus, options.source_answer)
    target = _with_focus(target, options.target_focus, options.target_answer)
    result = _compare(options.model, source, target, config)
    if options.html:
        write_text(options.html, result.to_html())
    if options.open:
        _open(result, options.html)
    if options.json:
        write_text(options.json, result.to_json(indent=1) + "\n")
    if not options.json and not options.html and not options.open:
        from ccta_core.cli.summary import print_summary  # rich, where a person reads

        print_summary(result)
    for notice in result.notices:
        progress(notice)


def _open(result: PairResult, written: str | None) -> None:
    """Opens the page where it was written, else from a folder for temporary files."""
    path = Path(written) if written and written != "-" else None
    if path is None:
        path = Path(mkdtemp(prefix="ccta-pair-")) / "pair.html"
        write_text(str(path), result.to_html())
    if not webbrowser.open(path.resolve().as_uri()):
        progress(f"no browser opens here; the page is {path.resolve()}")


def _compare(model_id: str, source: Sentence, target: Sentence, config: Config) -> PairResult:
    info = catalog().get(model_id)
    if info is not None and config.layer in info.layers:
        stored = find_pair(info, source, target, config)
        if stored is not None:
            return stored
    progress(f"loading {model_id}")
    from ccta_core.models.load import load_model  # torch, only where something is computed
    from ccta_core.pipeline import compare_cached

    model = load_model(model_id)
    progress("attributing")
    return compare_cached(model, source, target, config)


def _sentences(options: argparse.Namespace) -> tuple[Sentence, Sentence]:
    typed = ("source", "source_2", "target", "target_2")
    given = [f"--{name.replace('_', '-')}" for name in typed if getattr(options, name) is not None]
    if options.item and given:
        raise CctaError(
            f"--item is a pair of the demo corpus, and {', '.join(given)} a text of your own; give "
            "one or the other"
        )
    if options.item:
        return _demo_item(options.item, options.source_lang, options.target_lang)
    if options.source is None:
        raise CctaError("expected --source TEXT (or --item ID of the demo corpus)")
    source = Sentence(options.source, options.source_lang, options.source_2)
    if options.target is None:
        return source, _known_translation(source, options.target_lang)
    return source, Sentence(options.target, options.target_lang, options.target_2)


def _all_items() -> Iterator[ParallelExample]:
    """Yields every item of every part of the demo corpus."""
    for part in DEMO_PARTS.values():
        yield from read_demo(part)


def _demo_item(item_id: str, *langs: str) -> tuple[Sentence, Sentence]:
    items = {item.id: item for item in _all_items()}
    if item_id not in items:
        raise CctaError(f"unknown item {item_id!r}; the demo has: {', '.join(items)}")
    sentences = items[item_id].sentences
    for lang in langs:
        if lang not in sentences:
            raise CctaError(f"the demo has no {lang!r}; expected one of: {' '.join(sentences)}")
    source, target = (sentences[lang] for lang in langs)
    return source, target


def _known_translation(source: Sentence, lang: str) -> Sentence:
    """Returns the demo corpus' translation of a source that comes from it.

    A single text is looked up among premises and hypotheses.
    """
    for item in _all_items():
        here, there = item.sentences.get(source.lang), item.sentences.get(lang)
        if here is None or there is None:
            continue
        if source == here:
            return there
        if source.text2 is None and source.text in here.segments:
            return Sentence(there.segments[here.segments.index(source.text)], lang)
    raise CctaError(
        f"expected --target TEXT, the {lang} translation; only texts of the demo corpus are known "
        "without it (ccta pair --item ferry-c ...)"
    )


def _with_focus(sentence: Sentence, spans: Sequence[str], texts: Sequence[str]) -> Sentence:
    """Returns the sentence with the focus that START:END and texts say.

    Raises CctaError where one can't be read, or is not exactly once in the last text.
    """
    focus: list[Span] = []
    for written in spans:
        numbers = re.fullmatch(r"([0-9]{1,9}):([0-9]{1,9})", written)
        if numbers is None:
            raise CctaError(f"focus {written!r} is not START:END; expected two numbers, as in 4:9")
        focus.append((int(numbers[1]), int(numbers[2])))
    focus += [_find_once(sentence, wanted) for wanted in texts]
    return replace(sentence, focus=tuple(focus)) if focus else sentence


def _find_once(sentence: Sentence, wanted: str) -> Span:
    text = sentence.segments[-1]
    places = [start for start in range(len(text)) if wanted and text.startswith(wanted, start)]
    if len(places) != 1:
        raise CctaError(
            f"{wanted!r} occurs {len(places)} times in the {sentence.lang} text; expected a text "
            "that occurs once, or START:END (--source-focus, --target-focus)"
        )
    return places[0], places[0] + len(wanted)
