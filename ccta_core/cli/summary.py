"""What `ccta pair` prints for a person: the words in colour on a terminal, plain in a pipe."""

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from ccta_core.languages import language
from ccta_core.measures import MEASURES
from ccta_core.reports.pair.marks import explained, prediction_text
from ccta_core.reports.pair.verdict import completeness_phrase, drawn_text, masses_within
from ccta_core.result import PairResult
from ccta_core.text import percent
from ccta_core.types import Attribution

_SHOWN_TAGS = 4
"""Entities a summary lists."""
_SHOWN_WORDS = 5
"""Words that are named with their mass."""
_LABEL = 34
"""Columns for the name of a control."""
_STRONG, _WEAK = 0.5, 0.2
"""Shares of the largest score from which a word is coloured strongly, and at all."""
_FOR, _AGAINST = (
    ("bold grey0 on dark_orange", "dark_orange"),
    ("bold grey100 on dodger_blue3", "dodger_blue1"),
)


def print_summary(result: PairResult, console: Console | None = None) -> None:
    """Writes both sides, EMS with its controls, and the verdict to stdout or a given console.

    Words are orange where they are for what is explained and blue where they are against it, as on
    the Pair page. Without a terminal, and where NO_COLOR is set, nothing is coloured.
    """
    console = console or Console(highlight=False, soft_wrap=True)
    method = (result.provenance or {}).get("method", "")
    what = explained(result.target_class, result.source.outputs)
    head = f"{result.model}, layer {result.layer}, explains {what}"
    console.print(Text(f"{head}, {method}" if method else head, style="dim"))
    masses = (result.source_mass.tolist(), result.target_mass.tolist())
    for side, mass in zip((result.source, result.target), masses, strict=True):
        console.print()
        name = Text(f"{language(side.lang).name}:", style="bold")
        console.print(name, _prediction(result.task, side))
        for n, _ in enumerate(side.sentence.segments):
            console.print("  ", _words(side, n), sep="")
        console.print(Text(f"  mass: {_heaviest(side, mass)}"))
        console.print(Text(f"  {_exactness(side)}", style="dim"))
    console.print()
    for label, value, note in _rows(result):
        console.print(Text(f"  {label:<{_LABEL}}{value:>6}"), Text(f" {note}", style="dim"))
    console.print()
    console.print(Text(result.verdict, style="bold"))


def _prediction(task: str, side: Attribution) -> Text:
    """Returns what the model predicts, and, of answers and tags, what of it is explained."""
    prediction = prediction_text(side, most=1 if task != "ner" else _SHOWN_TAGS)
    if not side.focus:
        return Text(prediction)
    text = side.sentence.segments[-1]
    words = ", ".join(f'"{text[start:end]}"' for start, end in side.focus)
    return Text(f"{prediction}, explained {words}")


def _words(side: Attribution, segment: int) -> Text:
    """Returns one text of a side with its units in colour."""
    text = Text(side.sentence.segments[segment])
    top = max((abs(float(score)) for score in side.scores), default=0.0) or 1.0
    for unit, score in zip(side.units, side.scores.tolist(), strict=True):
        share = abs(score) / top
        if unit.segment == segment and share >= _WEAK:
            styles = _FOR if score > 0 else _AGAINST
            text.stylize(styles[share < _STRONG], unit.start, unit.end)
    return text


def _heaviest(side: Attribution, mass: list[float]) -> str:
    pairs = sorted(zip(mass, side.units, strict=True), key=lambda pair: -pair[0])
    return ", ".join(f"{unit.text} {percent(share)}" for share, unit in pairs[:_SHOWN_WORDS])


def _exactness(side: Attribution) -> str:
    bound = masses_within([side.mass_error])
    facts = (
        f"masses {bound}" if bound else "",
        completeness_phrase([side.completeness_error]),
        f"{side.evaluations} evaluations",
    )
    return ", ".join(filter(None, facts))


def _rows(result: PairResult) -> Iterator[tuple[str, str, str]]:
    """Yields EMS and every control: its label, its value, and its name in `--json`."""
    for name, value in {"ems": result.ems, **result.controls.as_dict()}.items():
        measure, note = MEASURES[name], name
        if name == "p_value" and value is not None:
            test = result.permutation
            error = f", standard error {test.p_error:.3f}" if test.p_error else ""
            note = f"{name} ({drawn_text(test)}{error})"
        yield measure.title, measure.write(value), note
