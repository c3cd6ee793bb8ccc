"""`ccta adjust plan`: a declared experiment, run cell by cell and resumed where it was."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ccta_core.cli.write import progress, write_text

if TYPE_CHECKING:
    from ccta_core.adjustment.plan import Plan

_EXAMPLE = "ccta adjust plan run research/adjustment.toml --workers 2 --background"


def add(actions: argparse._SubParsersAction) -> None:
    """Declares `ccta adjust plan`."""
    plan = actions.add_parser("plan", help="run a declared experiment", epilog=_EXAMPLE)
    steps = plan.add_subparsers(required=True, metavar="run|status|collect")
    run = steps.add_parser("run", help="run what is not finished", epilog=_EXAMPLE)
    _file(run)
    run.add_argument("--workers", type=int, default=1, help="cells at a time (1)")
    run.add_argument(
        "--background", action="store_true", help="as a process that outlives this one"
    )
    run.set_defaults(run=_run)
    status = steps.add_parser(
        "status", help="how every cell stands", epilog="ccta adjust plan status FILE"
    )
    _file(status)
    status.add_argument("--json", action="store_true", help="rows as JSON")
    status.set_defaults(run=_status)
    collect = steps.add_parser(
        "collect",
        help="the tables of what is finished, as Parquet",
        epilog="ccta adjust plan collect research/adjustment.toml",
    )
    _file(collect)
    collect.add_argument(
        "--out", type=Path, metavar="FOLDER", help="(adjustment, in the cache folder)"
    )
    collect.add_argument(
        "--replace", action="store_true",
        help="also where the tables there are of cells that are not finished here: those are lost",
    )  # fmt: skip
    collect.set_defaults(run=_collect)


def _file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="the plan, as research/adjustment.toml")
    parser.add_argument(
        "--only", action="append", metavar="PATTERN",
        help="cells by id, as adjusted/es-*, and what they need; given again: more (all)",
    )  # fmt: skip
    parser.add_argument("--data", metavar="FOLDER", help="of public data sets (the plan's own)")


def _read(options: argparse.Namespace) -> "Plan":
    from ccta_core.adjustment.plan import read_plan
    from ccta_core.adjustment.schedule import choose

    plan = read_plan(options.file, options.data)
    return choose(plan, options.only) if options.only else plan


def _run(options: argparse.Namespace) -> None:
    from ccta_core.adjustment.schedule import LOG, run_in_background, run_plan

    plan = _read(options)
    if not options.background:
        run_plan(plan, workers=options.workers, report=progress)
        return
    words = ["adjust", "plan", "run", str(options.file), "--workers", str(options.workers)]
    words += ["--data", options.data] if options.data else []
    words += [word for pattern in options.only or () for word in ("--only", pattern)]
    number = run_in_background(plan, words)
    progress(
        f"process {number} works through {plan.name}; it writes to {plan.folder / LOG}; "
        f"ccta adjust plan status {options.file} says how far it is"
    )


def _status(options: argparse.Namespace) -> None:
    from ccta_core.adjustment.schedule import states, status_line

    plan = _read(options)
    cell_states = states(plan)
    if options.json:
        rows = [
            {"id": state.cell.id, "kind": state.cell.kind, "block": state.cell.block,
             "state": state.kind, "line": state.line}
            for state in cell_states
        ]  # fmt: skip
        write_text("-", json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
        return
    block = ""
    for state in cell_states:
        if state.cell.block != block:
            block = state.cell.block
            sys.stdout.write(f"{block}\n")
        sys.stdout.write(f"  {state.kind:<14}  {state.cell.id}  {state.line}".rstrip() + "\n")
    progress(status_line(plan, cell_states))


def _collect(options: argparse.Namespace) -> None:
    from ccta_core.adjustment.results import collect
    from ccta_core.adjustment.tables import refuse_to_lose, write_tables
    from ccta_core.config import cache_root

    out = options.out or cache_root() / "adjustment"
    tables = collect(_read(options))
    if not options.replace:
        refuse_to_lose(tables["runs"], out)
    write_tables(tables, out)
    for name, table in tables.items():
        progress(f"{name}: {len(table)} rows")
