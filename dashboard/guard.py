"""What stands before the server: which hosts and origins it answers, and how a browser is known
again; no Streamlit.

A page of another site can have a browser send requests here, and a name of its own point here (DNS
rebinding): what such a request brings along gives it away, its Host or its Origin.
"""

import ipaddress
import logging
import os
import re
import secrets
import socket
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ccta_core.logs import ids

_logger = logging.getLogger(__name__)
HOSTS = "CCTA_HOSTS"
"""Names, separated by commas, under which the dashboard is reached beside this machine's own."""
LOGIN_HEADER, LOGIN_PROXIES = "CCTA_LOGIN_HEADER", "CCTA_LOGIN_PROXIES"
"""The header in which a proxy says who logged in, and the addresses from which it may."""
COOKIE = "ccta_visitor"
VISITOR = f"x-ccta-visitor-{secrets.token_hex(16)}"
"""The header by which the guard tells the pages of this process who asks; nobody can guess it."""
_HOST = re.compile(r"(?P<name>[\w.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?", re.ASCII)
_TOKEN = re.compile(r"[\w-]{43}")
_KEPT = 30 * 24 * 3600
"""Seconds for which a browser is known again."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_HEADER_OFF = "FORWARDED_ALLOW_IPS"
"""uvicorn's variable: where it is not empty, an address may be what a header says it is."""


class Guard:
    """Answers requests of this machine's own names only, and names who asks in VISITOR."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses a request, or hands it on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        with ids(request=secrets.token_hex(4)):
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        reason = refusal(headers.get("host", ""), headers.get("origin"))
        if reason:
            _logger.warning("refused: %s", reason)
        if reason and scope["type"] == "http":
            await PlainTextResponse(reason + "\n", 403)(scope, receive, send)
        elif reason:
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": reason[:120]})
        else:
            token = _token_of(headers)
            visitor = _login_of(headers, scope) or (token and f"browser {token}")
            named = [(VISITOR.encode(), visitor.encode("latin-1"))] if visitor else []
            scope = {**scope, "headers": [*scope["headers"], *named]}
            await self._app(scope, receive, send if token else _with_cookie(scope, send))


def refusal(host: str, origin: str | None) -> str | None:
    """Returns why a request is not answered, None where it is: its Host must be a name of this
    machine or an address, its Origin (of what a page sends) the same place.
    """
    name = _host_name(host)
    given = _given_names()
    if not (_is_address(name) or name in (*_LOOPBACK, socket.gethostname().lower(), *given)):
        return f"the host {host[:80]!r} is not one of this dashboard; {HOSTS} names more"
    if origin is None or urlsplit(origin).netloc == host:
        return None
    if _host_name(urlsplit(origin).netloc) in given:
        return None
    return f"the origin {origin[:80]!r} is not this dashboard; {HOSTS} names more"


def is_loopback(host: str) -> bool:
    """Returns whether a Host names this machine as seen from itself."""
    return _host_name(host) in _LOOPBACK


def _host_name(host: str) -> str:
    """Returns the name in a Host, without port; empty where it is none."""
    match = _HOST.fullmatch(host)
    return match["name"].strip("[]").lower().rstrip(".") if match else ""


def _is_address(name: str) -> bool:
    """Whether it is a number: no name that anybody could have point here."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _given_names() -> list[str]:
    return [each.strip().lower() for each in os.environ.get(HOSTS, "").split(",") if each.strip()]


def _login_of(headers: Headers, scope: Scope) -> str | None:
    """Returns who logged in, as the proxy that is named says; nobody else is believed."""
    header = os.environ.get(LOGIN_HEADER, "")
    proxies = [each.strip() for each in os.environ.get(LOGIN_PROXIES, "").split(",")]
    client = scope.get("client")
    values = headers.getlist(header) if header else []
    if len(values) != 1 or not values[0].strip() or os.environ.get(_HEADER_OFF) != "":
        return None
    return f"login {values[0].strip()}" if client and client[0] in proxies else None


def _token_of(headers: Headers) -> str | None:
    cookie: SimpleCookie = SimpleCookie()
    try:
        cookie.load(headers.get("cookie", ""))
    except Exception:  # noqa: BLE001 - whatever a browser sends as a cookie
        return None
    token = cookie[COOKIE].value if COOKIE in cookie else ""
    return token if _TOKEN.fullmatch(token) else None


def _with_cookie(scope: Scope, send: Send) -> Send:
    """Has a page that is sent to a browser for the first time make it known again."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=_as_scope(message))
            if headers.get("content-type", "").startswith("text/html"):
                secure = "; Secure" if scope.get("scheme") == "https" else ""
                headers.append(
                    "set-cookie",
                    f"{COOKIE}={secrets.token_urlsafe(32)}; Path=/; Max-Age={_KEPT}; HttpOnly; "
                    f"SameSite=Lax{secure}",
                )
        await send(message)

    return sending


def _as_scope(message: Message) -> dict[str, Any]:
    message.setdefault("headers", [])
    return message  # type: ignore[return-value]
