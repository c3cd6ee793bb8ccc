"""Writes docs/findings.md from the studies that ship, so that no figure is typed in.

python -m research.documents.findings [STUDY ...]
"""

import argparse
from pathlib import Path

from ccta_core.reports.findings.page import findings_page
from ccta_core.study.storage.table import open_study

_PAGE = Path(__file__).parents[2] / "docs" / "findings.md"
STUDIES = (
    "xnli-training-languages",
    "xnli-seeds",
    "xnli-embeddings",
    "pawsx-training-languages",
    "xquad-training-languages",
)
"""The studies of the document, in its order."""


def main() -> None:
    """Writes the page from the studies named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("studies", nargs="*", default=STUDIES, help="default: those that ship")
    options = parser.parse_args()
    _PAGE.write_text(
        findings_page([open_study(name) for name in options.studies]), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
