"""`ccta study findings`: the paper's three claims put to studies, as Markdown."""

import argparse

from ccta_core.cli.write import write_text


def add(actions: argparse._SubParsersAction) -> None:
    """Declares `findings`."""
    parser = actions.add_parser(
        "findings",
        help="correlations, training languages and synonyms, tested",
        epilog="ccta study findings first",
    )
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument("--to", default="-", metavar="FILE", help="Markdown (stdout)")
    parser.set_defaults(run=_findings)


def _findings(options: argparse.Namespace) -> None:
    from ccta_core.reports.findings.page import page
    from ccta_core.study.storage.table import open_study

    write_text(options.to, page([open_study(name) for name in options.names]) + "\n")
