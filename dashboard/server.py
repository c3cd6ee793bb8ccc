"""The server: the pages behind the guard. `ccta dashboard` runs it, as does
`python -m streamlit run dashboard/server.py`.
"""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from dashboard.guard import Guard

app = st.App(Path(__file__).parent / "app.py", middleware=[Middleware(Guard)])
