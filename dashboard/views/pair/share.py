"""A view as an address, as a command, as Python, and as files."""

import re
from urllib.parse import urlencode

import streamlit as st

from ccta_core.config import Config
from ccta_core.result import PairResult
from ccta_core.text import command_line, option
from ccta_core.types import Sentence
from dashboard.session import widget_key
from dashboard.views.pair.settings import MEASURED
from dashboard.views.pair.tables import plan_csv
from dashboard.views.pair.view import PairRequest, PairView
from dashboard.widgets.files import picture_files


def share(view: PairView, request: PairRequest | None) -> None:
    """The popover with the address, the command line and the Python of this view."""
    with st.popover("Share", width="content"):
        if view.fits_link:
            st.caption("This view")
            _show_code(f"{(st.context.url or '').rstrip('/')}/?{urlencode(view.query(), safe='/')}")
        else:
            st.caption("The texts are too long for a link; download the result instead.")
        if request is not None:
            st.caption("The same on the command line, options included")
            _show_code(command(request), "bash")
            st.caption("The same in Python")
            _show_code(snippet(request), "python")


def downloads(view: PairView, result: PairResult | None) -> None:
    """The popover with the result as a page, as JSON, its plan as CSV, its picture as a file."""
    with st.popover("Download", width="content", disabled=result is None):
        if result is None:
            return
        name = re.sub(r"[^\w.-]+", "-", f"pair-{view.model}-{view.item}")
        name = f"{name}-{view.src}-{view.tgt}-layer{view.layer}"
        files = (
            ("Page (HTML, works offline)", "html", "text/html", result.to_html),
            ("Everything (JSON)", "json", "application/json", result.to_json),
            ("Plan (CSV)", "csv", "text/csv", lambda: plan_csv(result)),
        )
        for label, kind, mime, data in files:
            st.download_button(
                label,
                data=data,
                file_name=f"{name}.{kind}",
                mime=mime,
                key=widget_key("pair", f"download_{kind}"),
                on_click="ignore",
                width="stretch",
            )
        picture_files(name)


def command(request: PairRequest) -> str:
    """The `ccta pair` line that prints this result, quoted for a shell."""
    source, target, config = request.source, request.target, request.config
    words = option("model", request.model.id)
    words += [*option("source-lang", source.lang), *option("target-lang", target.lang)]
    for side, sentence in (("source", source), ("target", target)):
        words += option(side, sentence.text)
        words += option(f"{side}-2", sentence.text2) if sentence.text2 is not None else []
        for start, end in sentence.focus:
            words += option(f"{side}-focus", f"{start}:{end}")
    for name, value in {"layer": config.layer, **_changed_settings(request)}.items():
        words += option(name, value)
    return command_line(["pair", *words])


def snippet(request: PairRequest) -> str:
    """The Python that gives this result."""
    config = {"layer": request.config.layer} | _changed_settings(request)
    settings = ", ".join(f"{name}={value!r}" for name, value in config.items())
    sides = [
        f"{name} = ccta.Sentence({_sentence_arguments(side)})"
        for name, side in (("source", request.source), ("target", request.target))
    ]
    return "\n".join(
        [
            "import ccta_core as ccta",
            "",
            f"model = ccta.load_model({request.model.id!r})",
            *sides,
            f"result = ccta.compare(model, source, target, ccta.Config({settings}))",
            "print(result.ems, result.verdict)",
        ]
    )


def _sentence_arguments(sentence: Sentence) -> str:
    parts = [repr(sentence.text), repr(sentence.lang)]
    parts += [repr(sentence.text2)] if sentence.text2 is not None else []
    parts += [f"focus={sentence.focus!r}"] if sentence.focus else []
    return ", ".join(parts)


def _changed_settings(request: PairRequest) -> dict:
    usual = Config()
    values = {name: getattr(request.config, name) for name in MEASURED}
    return {name: value for name, value in values.items() if value != getattr(usual, name)}


def _show_code(text: str, language: str | None = None) -> None:
    st.code(text, language=language, wrap_lines=True)
