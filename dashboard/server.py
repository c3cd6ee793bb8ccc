"""The server: the pages behind the guard, and `/health`. `ccta dashboard` runs it, as does
`python -m streamlit run dashboard/server.py`.
"""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route

from dashboard.guard import Guard
from dashboard.observed import health, observing


async def first_page(request: Request) -> RedirectResponse:
    """Sends `/pair` to where Pair is: the first page has no name in its address. What the address
    asks for goes with it, and a folder before it stays.
    """
    return RedirectResponse(f"./?{request.url.query}".rstrip("?"))


app = st.App(
    Path(__file__).parent / "app.py",
    lifespan=observing,
    routes=[Route("/health", health), Route("/pair", first_page)],
    middleware=[Middleware(Guard)],
)
