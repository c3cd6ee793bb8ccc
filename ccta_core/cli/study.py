"""`ccta study`: whole data sets, from a command to a table that can be resumed and queried."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ccta_core.cli import publish
from ccta_core.cli.write import write_text
from ccta_core.config import cache_root
from ccta_core.errors import CctaError
from ccta_core.study.request import StudyRequest, add_arguments
from ccta_core.text import count, plain

if TYPE_CHECKING:
    from ccta_core.study.storage.table import Study

_EXAMPLE = (
    "ccta study run --name first --model e5-small/nli-en --data xnli:../shared/data/xnli#dev "
    "--langs en,es,zh --limit 60 --layers 8"
)


_MOST_WORKERS = 1024
_STOP = (
    "Stops a study's run, here or in another process, and waits a few seconds for its end; what is "
    "finished is kept. Exit code 0: nothing of it runs now (also where nothing ran: the line says "
    "so and nothing is written), or it was asked to stop. Exit code 2: there is no such study, or "
    "its folder can't be written, so that its run can't be asked."
)
_EXPORT_EXAMPLE = "ccta study export first --to first.html --format html --measure ems,gain"
_STOP_EXAMPLE = "ccta study stop first"


def add(commands: argparse._SubParsersAction) -> None:
    """Declares `ccta study` and all it can do."""
    parser = commands.add_parser("study", help="measure whole data sets", epilog=_EXAMPLE)
    actions = parser.add_subparsers(
        required=True, metavar="run|resume|list|show|stop|export|findings|publish"
    )
    _add_run(actions)
    resume = actions.add_parser(
        "resume", help="go on with what is missing", epilog="ccta study resume first"
    )
    resume.add_argument("name")
    _add_worker_options(resume)
    resume.set_defaults(run=_resume)
    listing = actions.add_parser("list", help="the studies here", epilog="ccta study list")
    listing.add_argument("--json", action="store_true", help="rows as JSON")
    listing.set_defaults(run=_list)
    show = actions.add_parser("show", help="means by pair", epilog="ccta study show first")
    show.add_argument("name")
    show.add_argument("--json", action="store_true", help="rows as JSON")
    show.set_defaults(run=_show)
    stop = actions.add_parser("stop", help="stop a run", description=_STOP, epilog=_STOP_EXAMPLE)
    stop.add_argument("name")
    stop.set_defaults(run=_stop)
    _add_export(actions)
    _add_findings(actions)
    publishing = actions.add_parser(
        "publish",
        help="write a study as a data set of the Hugging Face Hub, and send it",
        epilog="ccta study publish demo-nli --to hub/demo-nli",
    )
    publishing.add_argument("name")
    publish.add_arguments(publishing)
    publishing.set_defaults(run=_publish)


def _add_run(actions: argparse._SubParsersAction) -> None:
    run = actions.add_parser("run", help="start a study, or go on with it", epilog=_EXAMPLE)
    add_arguments(run)
    run.add_argument("--extend", action="store_true", help="more models or items than it had")
    run.add_argument("--dry-run", action="store_true", help="say what it would cost, and end")
    _add_worker_options(run)
    run.set_defaults(run=_run)


def _add_worker_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options of `run` and `resume` that say who does the work."""
    parser.add_argument("--workers", type=int, help="processes (one a core, or all of a cluster)")
    parser.add_argument("--engine", choices=("local", "ray"), default="local")
    parser.add_argument("--address", metavar="HOST:PORT", help="Ray's cluster (one started here)")
    parser.add_argument("--gpus", type=float, default=0.0, help="of each worker on Ray (0)")


def _run(options: argparse.Namespace) -> None:
    from ccta_core.study.run.local import create
    from ccta_core.study.run.progress import recorded_launch

    with recorded_launch(cache_root() / "studies" / options.name):
        work = _engine(options)
        request = StudyRequest.from_options(options)
        if options.dry_run:
            _show_cost(request, options.workers or os.cpu_count() or 1)
            return
        manifest = create(request, extend=options.extend)
        sys.stderr.writelines(f"{line}\n" for line in (manifest.title, *manifest.label_lines))
        work(options.name)


def _show_cost(request: StudyRequest, workers: int) -> None:
    """Writes what the study would be and cost, with the formula; nothing is measured."""
    from ccta_core.study.cost import cost_of, length_of, pace_here
    from ccta_core.study.run.local import draft

    study = draft(request)
    manifest = study.manifest
    cost = cost_of(manifest, workers, length_of(study.corpus.examples)).paced(pace_here())
    lines = (manifest.title, cost.line, cost.formula, *manifest.label_lines)
    sys.stdout.writelines(f"{line}\n" for line in lines)


def _resume(options: argparse.Namespace) -> None:
    from ccta_core.study.run.progress import recorded_launch
    from ccta_core.study.storage.table import open_study

    with recorded_launch(cache_root() / "studies" / options.name):
        work = _engine(options)
        parts = open_study(options.name).done
        work(options.name)
    if parts.done == parts.total:
        sys.stderr.write(f"{options.name} is finished: no part is missing\n")


def _engine(options: argparse.Namespace) -> Callable[[str], object]:
    """Returns what runs a study by name. Raises CctaError on options that do not go together."""
    from ccta_core.study.run import local

    if options.workers is not None and not 1 <= options.workers <= _MOST_WORKERS:
        raise CctaError(f"workers is {options.workers}; expected 1 to {_MOST_WORKERS}")
    if options.engine == "local":
        if options.address or options.gpus:
            raise CctaError("--address and --gpus belong to --engine ray")
        return partial(local.run, workers=options.workers or os.cpu_count() or 1)
    from ccta_core.study.run import ray_runner

    ray_runner.check_installed()
    cluster = ray_runner.Cluster(options.address, options.workers or 0, options.gpus)
    return partial(ray_runner.run, cluster=cluster)


def _list(options: argparse.Namespace) -> None:
    from ccta_core.study.manifest import names
    from ccta_core.study.storage.table import open_study

    rows: list[dict[str, Any]] = []
    for name in names():
        study = open_study(name)
        manifest, parts = study.manifest, study.done
        rows.append(
            {
                "name": name, "data": manifest.data, "models": len(manifest.models),
                "items": manifest.items, "languages": list(manifest.languages),
                "layers": list(manifest.layers), "parts_done": parts.done, "parts": parts.total,
            }
        )  # fmt: skip
    if options.json:
        write_text("-", json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
        return
    for row in rows:
        sys.stdout.write(
            f"{row['name']:<20} {row['data']}  {count(row['items'], 'item')} x "
            f"{count(row['models'], 'model')} x {count(len(row['languages']), 'language')}, "
            f"layers {' '.join(map(str, row['layers']))}: "
            f"{row['parts_done']}/{row['parts']} parts\n"
        )


def _opened(name: str) -> "Study":
    """Returns the study; where parts are missing a line says so, since numbers look the same."""
    from ccta_core.study.storage.table import open_study

    study = open_study(name)
    parts = study.done
    if 0 < parts.done < parts.total:
        sys.stderr.write(
            f"ccta: {name} is unfinished: {parts.done} of {parts.total} parts, and what is told is "
            f"of those; ccta study resume {name} goes on\n"
        )
    return study


def _show(options: argparse.Namespace) -> None:
    from ccta_core.study.storage.table import MEANS

    rows = list(_opened(options.name).records(MEANS))
    if options.json:
        write_text("-", json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
        return
    sys.stdout.write("  ".join(rows[0]) + "\n")
    for row in rows:
        cells = (plain(value) if isinstance(value, float) else str(value) for value in row.values())
        sys.stdout.write("  ".join(cells) + "\n")


def _stop(options: argparse.Namespace) -> None:
    from ccta_core.study.run import process

    name = options.name
    outcome = process.stop(name)
    if outcome == process.ENDED:
        line = f"{name} has stopped; what is finished is kept: ccta study resume {name} goes on"
    elif outcome == process.ASKED:
        line = f"{name} is asked to stop; it ends after the chunk in hand"
    else:
        line = f"nothing runs of {_describe_idle(name)}: nothing was stopped"
    sys.stderr.write(f"{line}\n")


def _describe_idle(name: str) -> str:
    """Returns a study that does not run: its name, and that it ships, is finished or has parts
    missing.
    """
    from ccta_core.study.run.process import find_folder
    from ccta_core.study.run.status import FINISHED, status_of

    state = status_of(find_folder(name))
    if state.shipped:
        return f"{name}, which ships with the product"
    if state.kind == FINISHED:
        return f"{name}, which is finished"
    if state.manifest is None:
        return f"{name} (no plan yet)"
    return f"{name} ({state.done} of {state.total} parts are measured)"


def _add_export(actions: argparse._SubParsersAction) -> None:
    parser = actions.add_parser(
        "export",
        help="rows as csv or parquet, means as latex, all of it as an html page",
        epilog=_EXPORT_EXAMPLE,
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

    if options.to == "-":
        raise CctaError("an export is a file, or a folder of files; give its path by --to, found -")
    measures = options.measure.split(",") if options.measure is not None else None
    path = export_study(_opened(options.name), options.to, options.form, measures)
    sys.stdout.write(f"{path}\n")


def _add_findings(actions: argparse._SubParsersAction) -> None:
    parser = actions.add_parser(
        "findings",
        help="correlations, training languages and synonyms, tested",
        epilog="ccta study findings first",
    )
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument("--to", default="-", metavar="FILE", help="Markdown (stdout)")
    parser.set_defaults(run=_findings)


def _findings(options: argparse.Namespace) -> None:
    from ccta_core.reports.findings.page import findings_page

    write_text(options.to, findings_page([_opened(name) for name in options.names]) + "\n")


def _publish(options: argparse.Namespace) -> None:
    from ccta_core.publishing import publish_study

    publish.finish(publish_study(_opened(options.name), options.to), options, "dataset")
