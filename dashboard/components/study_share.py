"""The numbers of a page on studies, as a command and as Python."""

import shlex

import streamlit as st

_COMMANDS = {
    "languages": ("show {name}",),
    "correlation": ("findings {name}",),
    "errors": ("export {name} --format csv --to {name}.csv",),
    "learn": ("findings {name}",),
}
"""After `ccta study`, by page; each prints or writes what the page shows, of every layer."""


def study_share(page: str, name: str) -> None:
    """The popover with the lines that give the same numbers; the address is the view's own."""
    with st.popover("Share", width="content"):
        st.caption("The address of this page leads back to this view.")
        st.caption("The same numbers on the command line")
        st.code("\n".join(commands(page, name)), language="bash", wrap_lines=True)
        st.caption("Every row in Python")
        st.code(snippet(name), language="python", wrap_lines=True)


def commands(page: str, name: str) -> list[str]:
    """The lines, quoted for a shell."""
    lines = [*_COMMANDS.get(page, ()), "export {name} --format html --to {name}.html"]
    return [f"ccta study {line.format(name=shlex.quote(name))}" for line in lines]


def snippet(name: str) -> str:
    """The Python that reads the study."""
    return "\n".join(["import ccta_core as ccta", "", f"rows = ccta.open_study({name!r}).table()"])
