"""One self-contained page for one pair: the picture, its numbers, its tables."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import indent
from typing import Any, NamedTuple

from ccta_core.languages import language
from ccta_core.measures import MEASURES, NOTHING_TO_PERMUTE, PAIR_CONTROLS, label
from ccta_core.reports.pair.marks import explained, marks
from ccta_core.reports.pair.verdict import (
    completeness_phrase,
    drawn_text,
    masses_within,
    why_untestable,
)
from ccta_core.reports.templates import asset, render
from ccta_core.text import NONE, number, p_phrase, p_value, percent
from ccta_core.types import PermutationTest

MAX_ROWS = 400
"""Flows in the table of the plan: more make the page heavy to open."""
_LEAST_MASS = 1e-6
"""A flow that moves less is rounding."""
_SIDES = ("source", "target")
# The parts of the picture's script and style sheet, in this order; each has one job.
_SCRIPT = (
    "base",
    "flows",
    "colour",
    "bidi",
    "words",
    "rows",
    "card",
    "choosing",
    "editing",
    "alternative",
    "export",
    "life",
)
_STYLE = ("frame", "words", "ribbons", "sides", "card", "editing", "media")
_ABOUT = """/* Draws a pair: words coloured by attribution, transport ribbons between them.
   Plain script, no dependencies. Text reaches the page through textContent only. */
"""


class Entry(NamedTuple):
    """A number of the page as text, under a name; `note` stands in brackets behind it."""

    name: str
    value: str
    note: str = ""


class Flow(NamedTuple):
    """A row of the plan's table: two units, the mass moved, their cosine and its part of EMS."""

    source: str
    target: str
    mass: str
    cosine: str
    part: str


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How exact the attributions of both sides are: a bound with its note, and convergence."""

    value: str
    note: str
    converged: bool


class PairAssets(NamedTuple):
    """The picture's style sheet and script."""

    css: str
    script: str


def pair_assets() -> PairAssets:
    """Reads them; the script's parts share one function, `cctaRenderPair`."""
    parts = "".join(indent(asset(f"pair/{name}.js"), "  ") for name in _SCRIPT)
    head = 'function cctaRenderPair(root, payload, options) {\n  "use strict";\n'
    css = "".join(asset(f"pair/{name}.css") for name in _STYLE)
    return PairAssets(css, f"{_ABOUT}{head}{parts}}}\n")


def pair_page(payload: Mapping[str, Any]) -> str:
    """Returns a complete HTML document that shows this pair and loads nothing from anywhere.

    Its content security policy runs only its own style and script, named by their hashes. Raises
    ValueError where a number of the payload is not finite.
    """
    css, script = pair_assets()
    source, target = (language(payload[side]["lang"]) for side in _SIDES)
    title = f"EMS {_number(payload['ems'])}: {source.name} - {target.name}, {payload['model']}"
    flows = _flows(payload)
    caption = f"{len(flows)} flows; the parts of EMS add up to {_number(payload['ems'], 3)}."
    if len(flows) > MAX_ROWS:
        caption = f"The {MAX_ROWS} largest of {caption}"
    test_note = _test_note(payload)
    return render(
        "pair/page.html",
        style=css + asset("theme.css") + asset("pair/page.css"),
        script=script + asset("pair/page.js"),
        title=title,
        heading=title,
        setting=_setting(payload),
        verdict=payload["verdict"],
        numbers=[
            Entry(label("ems"), _number(payload["ems"])),
            *(
                _control(payload, key, test_note if key == "ems_shuffled" else "")
                for key in ("ems_shuffled", "ems_uniform", "ems_unrelated")
            ),
        ],
        accuracy=_accuracy(payload),
        notices=payload.get("notices") or (),
        source=source,
        target=target,
        flows=flows[:MAX_ROWS],
        flows_caption=caption,
        controls=[
            _control(payload, key, test_note if key == "p_value" else "") for key in PAIR_CONTROLS
        ],
        provenance=payload.get("provenance") or {},
        data={
            "payload": payload,
            "options": {
                "languages": {side: writing(payload[side]["lang"]) for side in _SIDES},
                "marks": marks(payload),
            },
        },
    )


def writing(code: str) -> dict[str, str | bool]:
    """Returns how a language is named and written: what the picture must know to set its text."""
    facts = language(code)
    return {
        "name": facts.name,
        "native": facts.native,
        "rtl": facts.rtl,
        "spaced": facts.spaced,
    }


def _setting(payload: Mapping[str, Any]) -> str:
    """Returns what was explained, at which layers, and in which space words were compared."""
    outputs = payload["source"].get("outputs", "classes")
    verb = "explains" if outputs == "scores" else "evidence for"
    align_layer = payload.get("align_layer")
    parts = [
        f"{verb} {explained(payload['target_class'], outputs)}",
        f"attribution at layer {payload['layer']}",
        f"words compared at layer {align_layer}" if align_layer is not None else "",
        f"space {payload['space']}",
    ]
    return ", ".join(part for part in parts if part)


def _number(value: float | None, digits: int = 2) -> str:
    return number(value, digits) if value is not None and math.isfinite(value) else NONE


def _control(payload: Mapping[str, Any], control: str, note: str = "") -> Entry:
    """Returns a control's value and note, or a dash and the reason why there is none."""
    value = payload["controls"].get(control)
    text = p_value(value) if control == "p_value" else _number(value)
    if text == NONE:
        note = MEASURES[control].missing or "not computed"
        note = why_untestable(_test(payload)) if note == NOTHING_TO_PERMUTE else note
    return Entry(label(control), text, note)


def _test(payload: Mapping[str, Any]) -> PermutationTest:
    """Returns the permutation test, as far as the payload has it."""
    test = payload.get("permutation")
    if test is not None:
        return PermutationTest(**test)
    return PermutationTest(payload.get("n_shuffles") or 0, p_value=payload["controls"]["p_value"])


def _test_note(payload: Mapping[str, Any]) -> str:
    """Returns p, its error and what it was counted over; nothing where there is no p."""
    test = _test(payload)
    if test.p_value is None:
        return ""
    error = f" \u00b1 {test.p_error:.3f}" if test.p_error else ""
    return f"{p_phrase(test.p_value)}{error}, {drawn_text(test)}"


def _accuracy(payload: Mapping[str, Any]) -> Accuracy:
    """Returns the larger bound on the error of the sides' masses, and whether both converged."""
    sides = [payload[side] for side in _SIDES]
    errors = [side["completeness_error"] for side in sides]
    note = completeness_phrase(errors)
    late = [language(side["lang"]).name for side in sides if not side["converged"]]
    if all(error is None for error in errors):
        return Accuracy(NONE, note, converged=False)
    if late:
        note += f"; {' and '.join(late)} did not converge"
    bound = masses_within([side.get("mass_error") for side in sides]) or NONE
    return Accuracy(bound, note, converged=not late)


def _flows(payload: Mapping[str, Any]) -> list[Flow]:
    """Returns the flows of the plan, what adds most to EMS first."""
    sources, targets = ([unit["text"] for unit in payload[side]["units"]] for side in _SIDES)
    flows = [
        (mass, payload["similarity"][i][j], sources[i], targets[j])
        for i, row in enumerate(payload["plan"])
        for j, mass in enumerate(row)
        if mass > _LEAST_MASS
    ]
    flows.sort(key=lambda flow: -flow[0] * flow[1])
    return [
        Flow(source, target, percent(mass, 1), _number(cosine), _number(mass * cosine, 4))
        for mass, cosine, source, target in flows
    ]
