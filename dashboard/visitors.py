"""Who looks at the dashboard: one person at their own machine, people who logged in, or browsers.

Whoever runs it decides by CCTA_VISITORS: `one` (all who reach it are the person of this machine) or
`each` (everybody is a person of their own). Where nothing is said it is `one` only for a server
that listens at this machine alone, is asked for by its own name, through no proxy, and neither asks
for a login nor is read-only.
"""

import os
from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ccta_core.permissions import LOCAL, Person, identify_by, read_only
from dashboard.guard import LOGIN_HEADER, VISITOR, is_loopback

MODE = "CCTA_VISITORS"
_THROUGH_PROXY = ("x-forwarded-for", "x-forwarded-host", "x-real-ip", "forwarded")
_NOBODY = Person("nobody")
"""Whom a thread of a server works for that no page began: nothing is theirs."""
_MASK = 0o077


def begin() -> None:
    """Has the engine ask here who it works for; what a server writes only its own user reads."""
    identify_by(visitor)
    if runtime.exists():
        os.umask(_MASK)


def visitor() -> Person:
    """Returns the person for whom the page runs."""
    if not runtime.exists() or _everybody_is_one():
        return LOCAL
    context = get_script_run_ctx()
    if context is None:
        return _NOBODY
    if not _told_apart():
        return LOCAL
    if has_login_page() and st.user.is_logged_in:
        return Person(_login_name(st.user), login=True)
    kind, _, name = st.context.headers.get(VISITOR, "").partition(" ")
    if name:
        return Person(name, login=kind == "login")
    return Person(context.session_id)


def session() -> str:
    """Returns the beginning of the session's id, by which the lines of a log belong together."""
    context = get_script_run_ctx()
    return context.session_id[:8] if context else ""


def must_log_in() -> bool:
    """Returns whether a login is asked for here and the visitor has none."""
    return _asks_for_login() and not visitor().login


def has_login_page() -> bool:
    """Returns whether the dashboard logs people in itself (OpenID Connect, `[auth]` of Streamlit's
    secrets).
    """
    return runtime.exists() and st.secrets.load_if_toml_exists() and "auth" in st.secrets


def _login_name(claims: Mapping[str, Any]) -> str:
    """The address that a login vouches for, else the number that it has for the person."""
    verified = claims.get("email_verified") is not False
    return str((claims.get("email") if verified else None) or claims["sub"])


def _asks_for_login() -> bool:
    return has_login_page() or bool(os.environ.get(LOGIN_HEADER))


def _mode() -> str:
    return os.environ.get(MODE, "").strip().lower()


def _everybody_is_one() -> bool:
    return _mode() == "one" and not _asks_for_login()


def _told_apart() -> bool:
    if _asks_for_login() or _mode() or read_only():
        return True
    return comes_from_elsewhere(st.get_option("server.address"), st.context.headers)


def comes_from_elsewhere(address: str | None, headers: Mapping[str, str]) -> bool:
    """Returns whether a visitor may sit at another machine: the server listens at more than its
    loopback `address`, or the page was asked for by another name, or through a proxy.
    """
    return (
        not is_loopback(address or "")
        or not is_loopback(headers.get("host", "localhost"))
        or any(name in headers for name in _THROUGH_PROXY)
    )
