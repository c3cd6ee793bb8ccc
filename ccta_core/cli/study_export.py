"""`ccta study export`: a study's rows as CSV or Parquet, its means as LaTeX, a page to read."""

import argparse
import sys

_EXAMPLE = "ccta study export first --to first.html --format html --measure ems,gain"


def add(actions: argparse._SubParsersAction) -> None:
    """Declares `export`."""
    parser = actions.add_parser(
        "export",
        help="rows as csv or parquet, means as latex, all of it as an html page",
        epilog=_EXAMPLE,
    )
    parser.add_argument("name")
    parser.add_argument("--to", required=True, metavar="FILE|FOLDER")
    parser.add_argument("--format", required=True, metavar="csv|parquet|latex|html", dest="form")
    parser.add_argument(
        "--measure",
        metavar="NAME[,NAME]",
        help="measures that html draws, and that both tables of means have too (ems,gain)",
    )
    parser.set_defaults(run=_export)


def _export(options: argparse.Namespace) -> None:
    from ccta_core.reports.study.write import export_study
    from ccta_core.study.storage.table import open_study

    measures = options.measure.split(",") if options.measure is not None else None
    path = export_study(open_study(options.name), options.to, options.form, measures)
    sys.stdout.write(f"{path}\n")
