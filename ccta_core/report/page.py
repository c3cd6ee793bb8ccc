"""One self-contained page for one pair: the picture, its numbers, its tables."""

import base64
import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from html import escape
from textwrap import indent

from ccta_core.languages import language
from ccta_core.report.accuracy import completeness_phrase, masses_within
from ccta_core.report.marks import marks
from ccta_core.report.predicted import explained
from ccta_core.report.template import asset, fill, shared
from ccta_core.report.verdict import drawn_text, why_untestable
from ccta_core.text import NONE, number, p_phrase, p_value, percent
from ccta_core.types import PermutationTest

MAX_ROWS = 400
_BLOCK = re.compile(r"<(style|script)>(.*?)</\1>", re.DOTALL)
_UNSAFE = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}
_SIDES = ("source", "target")
# The parts of the picture's script and style sheet, in this order; each has one job.
_SCRIPT = (
    "base",
    "flows",
    "colour",
    "words",
    "rows",
    "card",
    "choosing",
    "alternative",
    "export",
    "life",
)
_STYLE = ("frame", "words", "ribbons", "sides", "card", "media")
_ABOUT = """/* Draws a pair: words coloured by attribution, transport ribbons between them.
   Plain script, no dependencies. Text reaches the page through textContent only. */
"""

# What each control says, and why it can be missing (_NULL: as the permutation test says).
_NULL = "shuffles"
_CONTROLS = {
    "ems_uniform": ("embeddings only (uniform masses)", "not computed"),
    "ems_length": ("mass by number of subwords", "not computed"),
    "ems_shuffled": ("masses shuffled, mean", _NULL),
    "shuffled_sd": ("masses shuffled, standard deviation", _NULL),
    "p_value": ("p against shuffled masses", _NULL),
    "ems_unrelated": ("unrelated sentences", "no reference corpus"),
    "gain": ("gain over shuffled", _NULL),
    "z": ("gain in standard deviations", _NULL),
    "calibrated": ("calibrated between unrelated and 1", "no reference corpus"),
    "link_spearman": ("rank correlation over linked words", "fewer than five word links"),
    "sign_agreement": ("mass moved between words of one sign", "not computed"),
    "cross_segment_mass": ("mass moved between the two texts", "one text only"),
}


def pair_assets() -> tuple[str, str]:
    """The picture's style sheet and script, in this order."""
    return "".join(asset(f"pair/{name}.css") for name in _STYLE), _pair_script()


def _pair_script() -> str:
    """The parts of the picture's script, inside the one function that they share."""
    parts = (indent(asset(f"pair/{name}.js"), "  ") for name in _SCRIPT)
    head = 'function cctaRenderPair(root, payload, options) {\n  "use strict";\n'
    return f"{_ABOUT}{head}{''.join(parts)}}}\n"


def pair_page(payload: Mapping) -> str:
    """A complete HTML document that shows this pair and loads nothing from anywhere."""
    css, script = pair_assets()
    page = fill(asset("page.html"), shared() | {"pair_css": css, "pair_js": script})
    return fill(page, {"policy": _policy(page)} | _contents(payload))


def _policy(page: str) -> str:
    """A policy under which only this page's own style and script blocks run, and nothing loads."""
    hashes: dict[str, list[str]] = {"style": [], "script": []}
    for kind, text in _BLOCK.findall(page):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        hashes[kind].append(f"'sha256-{digest}'")
    return (
        f"default-src 'none'; script-src {' '.join(hashes['script'])}; "
        f"style-src {' '.join(hashes['style'])}; base-uri 'none'; form-action 'none'"
    )


def _contents(payload: Mapping) -> dict[str, str]:
    title = _title(payload)
    return {
        "title": escape(title),
        "heading": escape(title),
        "setting": escape(_setting(payload)),
        "verdict": escape(payload["verdict"]),
        "numbers": _numbers(payload),
        "notices": _notices(payload.get("notices") or []),
        "plan": _plan(payload),
        "controls": _controls(payload),
        "provenance": _provenance(payload.get("provenance") or {}),
        "data": _data(payload),
    }


def _title(payload: Mapping) -> str:
    names = [language(payload[side]["lang"]).name for side in _SIDES]
    return f"EMS {_number(payload['ems'])}: {' - '.join(names)}, {payload['model']}"


def _setting(payload: Mapping) -> str:
    align = payload.get("align_layer")
    parts = [
        _explained(payload),
        f"attribution at layer {payload['layer']}",
        f"words compared at layer {align}" if align is not None else None,
        f"space {payload['space']}",
    ]
    return ", ".join(part for part in parts if part)


def _explained(payload: Mapping) -> str:
    outputs = payload["source"].get("outputs", "classes")
    verb = "explains" if outputs == "scores" else "evidence for"
    return f"{verb} {explained(payload['target_class'], outputs)}"


def _number(value: float | None, digits: int = 2) -> str:
    return number(value, digits) if value is not None and math.isfinite(value) else NONE


def _percent(value: float | None) -> str:
    return percent(value, 1) if value is not None and math.isfinite(value) else NONE


def _known(payload: Mapping, name: str, note: str = "") -> str:
    """A control's value and note, or a dash and the reason why there is none."""
    found = payload["controls"].get(name)
    value = p_value(found) if name == "p_value" else _number(found)
    small = _CONTROLS[name][1] if value == NONE else note
    small = why_untestable(_test(payload)) if small == _NULL else small
    return f"{value} <small>({escape(small)})</small>" if small else value


def _test(payload: Mapping) -> PermutationTest:
    """The permutation test, as far as the payload tells it."""
    known = payload.get("permutation")
    if known is not None:
        return PermutationTest(**known)
    return PermutationTest(payload.get("n_shuffles") or 0, p_value=payload["controls"]["p_value"])


def _tested(payload: Mapping) -> str:
    """P, its error and what it was counted over; nothing where there is no p."""
    test = _test(payload)
    if test.p_value is None:
        return ""
    error = f" \u00b1 {test.p_error:.3f}" if test.p_error else ""
    return f"{p_phrase(test.p_value)}{error}, {drawn_text(test)}"


def _numbers(payload: Mapping) -> str:
    rows = [
        ("EMS", _number(payload["ems"])),
        ("shuffled", _known(payload, "ems_shuffled", _tested(payload))),
        ("embeddings only", _known(payload, "ems_uniform")),
        ("unrelated", _known(payload, "ems_unrelated")),
        ("masses", _accuracy(payload)),
    ]
    return "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in rows)


def _accuracy(payload: Mapping) -> str:
    """The larger bound on the error of the sides' masses, and whether both converged."""
    sides = [payload[side] for side in _SIDES]
    bound = masses_within([side.get("mass_error") for side in sides]) or NONE
    small = completeness_phrase([side["completeness_error"] for side in sides])
    if all(side["completeness_error"] is None for side in sides):
        return f"{NONE} <small>({small})</small>"
    if all(side["converged"] for side in sides):
        mark = '<span role="img" aria-label="converged">\u2713</span>'
        return f"{bound} {mark} <small>({small})</small>"
    late = [language(side["lang"]).name for side in sides if not side["converged"]]
    return f"{bound} <small>({small}; {escape(' and '.join(late))} did not converge)</small>"


def _notices(notices: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(str(notice))}</li>" for notice in notices)
    return f'<ul class="notices">{items}</ul>' if items else ""


def _table(caption: str, heads: Iterable[str], rows: Iterable[str], name: str = "") -> str:
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    mark = f' id="{name}"' if name else ""
    return (
        f'<div class="scroll" tabindex="0"><table{mark}><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _flows(payload: Mapping) -> list[tuple[int, int, float, float]]:
    """(source unit, target unit, mass, cosine), what adds most to EMS first."""
    flows = [
        (i, j, mass, payload["similarity"][i][j])
        for i, row in enumerate(payload["plan"])
        for j, mass in enumerate(row)
        if mass > 1e-6
    ]
    return sorted(flows, key=lambda flow: -flow[2] * flow[3])


def _plan(payload: Mapping) -> str:
    flows = _flows(payload)
    names = [language(payload[side]["lang"]).name for side in _SIDES]
    rows = [_flow_row(payload, flow) for flow in flows[:MAX_ROWS]]
    caption = f"{len(flows)} flows; the parts of EMS add up to {_number(payload['ems'], 3)}."
    if len(flows) > MAX_ROWS:
        caption = f"The {MAX_ROWS} largest of {caption}"
    return _table(caption, [*names, "mass moved", "cosine", "part of EMS"], rows, name="plan")


def _flow_row(payload: Mapping, flow: tuple[int, int, float, float]) -> str:
    i, j, mass, cosine = flow
    words = "".join(
        f'<th scope="row" class="w"><bdi lang="{escape(payload[side]["lang"])}">'
        f"{escape(payload[side]['units'][index]['text'])}</bdi></th>"
        for side, index in zip(_SIDES, (i, j), strict=True)
    )
    numbers = (_percent(mass), _number(cosine), _number(mass * cosine, 4))
    return f"<tr>{words}{''.join(f'<td>{text}</td>' for text in numbers)}</tr>"


def _controls(payload: Mapping) -> str:
    notes = {"p_value": _tested(payload)}
    rows = [
        f'<tr><th scope="row">{escape(label)}</th>'
        f"<td>{_known(payload, name, notes.get(name, ''))}</td></tr>"
        for name, (label, _) in _CONTROLS.items()
    ]
    return _table("What EMS is held against.", ["control", "value"], rows)


def _provenance(provenance: Mapping) -> str:
    rows = [
        f'<tr><th scope="row">{escape(str(name))}</th><td>{escape(str(value))}</td></tr>'
        for name, value in provenance.items()
    ]
    return _table("What made these numbers.", ["item", "value"], rows)


def _data(payload: Mapping) -> str:
    """The payload and the picture's options as JSON that no HTML parser can leave."""
    languages = {side: writing(payload[side]["lang"]) for side in _SIDES}
    options = {"languages": languages, "marks": marks(payload)}
    content = {"payload": payload, "options": options}
    return json.dumps(content, ensure_ascii=False, allow_nan=False).translate(_UNSAFE)


def writing(code: str) -> dict[str, str | bool]:
    """How a language is named and written: what the picture must know to set its text."""
    found = language(code)
    return {
        "name": found.name,
        "native": found.native,
        "rtl": found.rtl,
        "spaced": found.spaced,
    }
