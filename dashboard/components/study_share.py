"""The numbers of a page on studies, as a command and as Python."""

import streamlit as st

from ccta_core.command_line import command_line, option

_COMMANDS = {"languages": "show", "correlation": "findings", "errors": "csv", "learn": "findings"}
"""What of `ccta study` prints or writes what a page shows, of every layer; csv exports rows."""


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
    action = _COMMANDS.get(page)
    if action == "csv":
        return [_export(name, "csv"), _export(name, "html")]
    return [*([command_line(["study", action, name])] if action else []), _export(name, "html")]


def _export(name: str, form: str) -> str:
    to = option("to", f"{name}.{form}")
    return command_line(["study", "export", name, *option("format", form), *to])


def snippet(name: str) -> str:
    """The Python that reads the study."""
    return "\n".join(["import ccta_core as ccta", "", f"rows = ccta.open_study({name!r}).table()"])
