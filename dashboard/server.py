"""The server: the pages behind the guard, and `/health`. `ccta dashboard` runs it, as does
`python -m streamlit run dashboard/server.py`.
"""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Route

from dashboard.guard import Guard
from dashboard.observed import health, observing

app = st.App(
    Path(__file__).parent / "app.py",
    lifespan=observing,
    routes=[Route("/health", health)],
    middleware=[Middleware(Guard)],
)
