"""The router: one page config, one style sheet, the pages; what fails in a page is one plain line.

`server.py` serves it behind the guard: `ccta dashboard`, or `streamlit run dashboard/server.py`.
"""

import logging
from contextlib import nullcontext
from pathlib import Path

import streamlit as st

from ccta_core.logs import ids
from ccta_core.whole_files import disk_problem
from dashboard import visitors
from dashboard.import_gate import GATE
from dashboard.widgets.text_blocks import chart_keys

_logger = logging.getLogger(__name__)
HERE = Path(__file__).parent
TITLES = {
    "pair": "Pair",
    "languages": "Languages",
    "correlation": "Correlation",
    "errors": "Errors",
    "adjust": "Adjust",
    "studies": "Studies",
    "models": "Models and data",
    "learn": "Learn",
}  # in the order of the menu: a folder of pages each (a text here would show on the page)
WITHOUT_SCIPY = [TITLES[name] for name in ("pair", "studies", "models")]  # need not wait


def main() -> None:
    """Shows the page the address names, to whoever may see it."""
    visitors.begin()
    st.set_page_config(page_title="CCTA Explorer", layout="wide")
    if visitors.must_log_in():
        _ask_for_login()
        return
    pages = [
        st.Page(HERE / "views" / name / f"{name}.py", title=title, default=name == "pair")
        for name, title in TITLES.items()
    ]
    page = st.navigation(pages, position="top")
    st.html(HERE / "style.css")
    try:
        with (
            ids(session=visitors.session()),
            nullcontext() if page.title in WITHOUT_SCIPY else GATE.passed(),
        ):
            page.run()
            chart_keys()
    except Exception as error:
        _logger.exception("the page %s failed", page.title)
        problem = disk_problem(error)
        st.error(
            f"This page can't go on: {problem.partition(' (')[0]}. Ask whoever runs this dashboard."
            if problem
            else "This page ran into something it did not expect; the log has the details. "
            "Reload the page, or open it without the part of the address after the question mark."
        )


def _ask_for_login() -> None:
    st.title("CCTA Explorer")
    if visitors.has_login_page():
        st.button("Log in", on_click=st.login, type="primary")
    else:
        st.error("Nobody is logged in: open this dashboard through the proxy that logs people in.")


if __name__ == "__main__":
    main()
