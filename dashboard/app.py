"""The router: one page config, one style sheet, the pages; what fails in a page is one plain line.

Run it with `ccta dashboard`, or `python -m streamlit run dashboard/app.py`.
"""

import logging
from contextlib import nullcontext
from pathlib import Path

import streamlit as st

from dashboard.import_gate import GATE

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
    """Shows the page the address names."""
    st.set_page_config(page_title="CCTA Explorer", layout="wide")
    pages = [
        st.Page(HERE / "views" / name / f"{name}.py", title=title, default=name == "pair")
        for name, title in TITLES.items()
    ]
    page = st.navigation(pages, position="top")
    st.html(HERE / "style.css")
    try:
        with nullcontext() if page.title in WITHOUT_SCIPY else GATE.passed():
            page.run()
    except Exception:
        _logger.exception("the page %s failed", page.title)
        st.error(
            "This page ran into something it did not expect; the log has the details. "
            "Reload the page, or open it without the part of the address after the question mark."
        )


if __name__ == "__main__":
    main()
