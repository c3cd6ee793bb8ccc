"""The picture of the page Adjust as one HTML file: every step, arm and layer, nothing to fetch."""

from collections.abc import Mapping
from typing import Any

from ccta_core.reports.templates import asset, render
from dashboard.theme import read_beside

_EXPORT = "export default function (component) {"
_MOUNT = """
mountFilm({
  data: JSON.parse(document.getElementById("data").textContent),
  parentElement: document,
  setTriggerValue() {},
});
"""
_HEADINGS = ".ccta-heading { font-size: 15px; font-weight: 600; }\n"


def film_page(payload: Mapping[str, Any], finding: str) -> str:
    """A complete HTML document with the picture of a payload, which has `at` in it.

    It runs its own script alone, named by its hash. Raises ValueError where a number of the payload
    is not finite.
    """
    script = read_beside(__file__, "film.js")
    if script.count(_EXPORT) != 1:
        raise AssertionError("the picture's script has another entry than expected")
    language, task = payload["language"], payload["task"]
    return render(
        "scripted.html",
        style=asset("theme.css") + _HEADINGS + read_beside(__file__, "film.css"),
        script=script.replace(_EXPORT, "function mountFilm(component) {") + _MOUNT,
        title=f"Adjusted for {language}: {task}",
        heading=f"Does adjusting with a parallel corpus bring languages together? {language}",
        setting=finding,
        root="adj-root",
        remark="Arrows move through the measured steps, 1 to 5 choose an arm.",
        data=dict(payload),
    )
