"""`ccta study`: whole data sets, from a command to a table that can be resumed and queried."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from ccta_core.cli import study_cost, study_export, study_findings
from ccta_core.cli.write import write_text
from ccta_core.config import BASELINES, MASSES, METHODS, PRECISIONS, SPACES, Config, Quadrature
from ccta_core.errors import CctaError
from ccta_core.models.added import listed
from ccta_core.text import count, plain, read_whole

_EXAMPLE = (
    "ccta study run --name first --model e5-small/nli-en --data xnli:../shared/data/xnli#dev "
    "--langs en,es,zh --limit 60 --layers 8"
)


_MOST_LAYERS = 9999
_STOP = (
    "Stops a study's run, here or in another process, and waits a few seconds for its end; what is "
    "finished is kept. Exit code 0: nothing of it runs now (also where nothing ran: the line says "
    "so and nothing is written), or it was asked to stop. Exit code 2: there is no such study, or "
    "its folder can't be written, so that its run can't be asked."
)
_STOP_EXAMPLE = "ccta study stop first"


def add(commands: argparse._SubParsersAction) -> None:
    """Declares `ccta study` and all it can do."""
    parser = commands.add_parser("study", help="measure whole data sets", epilog=_EXAMPLE)
    actions = parser.add_subparsers(
        required=True, metavar="run|resume|list|show|stop|export|findings"
    )
    _add_run(actions)
    resume = actions.add_parser(
        "resume", help="go on with what is missing", epilog="ccta study resume first"
    )
    resume.add_argument("name")
    _workers(resume)
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
    study_export.add(actions)
    study_findings.add(actions)


def _add_run(actions: argparse._SubParsersAction) -> None:
    run = actions.add_parser("run", help="start a study, or go on with it", epilog=_EXAMPLE)
    run.add_argument("--name", required=True)
    run.add_argument("--model", required=True, metavar="ID[,ID]", help="see `ccta models list`")
    run.add_argument("--data", required=True, metavar="SPEC", help="see `ccta data list`")
    run.add_argument("--langs", help="languages, as in en,es,zh (all the data has)")
    run.add_argument("--limit", type=int, help="the first N items")
    run.add_argument("--layers", default="0", help="layers, as in 0,8 (0)")
    run.add_argument("--align-layer", type=int)
    run.add_argument("--space", choices=SPACES, default="centered")
    run.add_argument("--baseline", choices=BASELINES, default="pad")
    run.add_argument("--mass", choices=MASSES, default="abs")
    run.add_argument("--method", choices=METHODS, default="lig")
    run.add_argument("--precision", choices=PRECISIONS, default="fp32")
    run.add_argument(
        "--tolerance",
        type=float,
        default=Quadrature().tolerance,
        help="largest error of the unit masses, L1, 90%% bound (%(default)s)",
    )
    run.add_argument("--shuffles", type=int, default=20)
    run.add_argument("--unrelated", type=int, default=5)
    run.add_argument("--seed", type=int, default=0)
    run.add_argument("--extend", action="store_true", help="more models or items than it had")
    run.add_argument("--allow-overlap", action="store_true", help="items a model was trained on")
    run.add_argument(
        "--random-head", action="store_true", help="the first model under a random head too"
    )
    run.add_argument(
        "--crop", type=int, metavar="TOKENS", help="cut contexts of questions around their answers"
    )
    run.add_argument(
        "--per-group", type=int, metavar="N", help="at most N items of each premise or paragraph"
    )
    run.add_argument("--dry-run", action="store_true", help="say what it would cost, and end")
    _workers(run)
    run.set_defaults(run=_run)


def _workers(parser: argparse.ArgumentParser) -> None:
    """The options of `run` and `resume` that say who does the work."""
    parser.add_argument("--workers", type=int, help="processes (one a core, or all of a cluster)")
    parser.add_argument("--engine", choices=("local", "ray"), default="local")
    parser.add_argument("--address", metavar="HOST:PORT", help="Ray's cluster (one started here)")
    parser.add_argument("--gpus", type=float, default=0.0, help="of each worker on Ray (0)")


def _run(options: argparse.Namespace) -> None:
    from ccta_core.study.plan import with_twin
    from ccta_core.study.runner import Request, create
    from ccta_core.study.words import label_lines

    models = [listed(name) for name in options.model.split(",")]
    work = _engine(options)
    config = Config(
        align_layer=options.align_layer, space=options.space, baseline=options.baseline,
        mass=options.mass, method=options.method, precision=options.precision,
        shuffles=options.shuffles, unrelated=options.unrelated, seed=options.seed,
        quadrature=Quadrature(tolerance=options.tolerance),
    )  # fmt: skip
    request = Request(
        name=options.name,
        data=options.data,
        models=with_twin(models) if options.random_head else models,
        layers=_numbers(options.layers),
        languages=options.langs.split(",") if options.langs else None,
        limit=options.limit,
        config=config,
        allow_overlap=options.allow_overlap,
        crop=options.crop,
        per_group=options.per_group,
    )
    if options.dry_run:
        study_cost.show_cost(request, options.workers or os.cpu_count() or 1)
        return
    plan = create(request, extend=options.extend)
    sys.stderr.write(
        f"{plan.name}: {count(plan.items, 'item')} ({plan.left_out:,} left out) x "
        f"{count(len(plan.models), 'model')} x {count(len(plan.layers), 'layer')} x "
        f"{' '.join(plan.languages)}\n"
    )
    sys.stderr.writelines(f"{line}\n" for line in label_lines(plan))
    work(options.name)


def _resume(options: argparse.Namespace) -> None:
    from ccta_core.study.table import open_study

    work = _engine(options)
    done, total = open_study(options.name).done
    work(options.name)
    if done == total:
        sys.stderr.write(f"{options.name} is finished: no part is missing\n")


def _engine(options: argparse.Namespace) -> Callable[[str], object]:
    """What runs a study by name. Raises CctaError on options that do not go together."""
    from ccta_core.study import runner

    if options.workers is not None:
        _checked(options.workers)
    if options.engine == "local":
        if options.address or options.gpus:
            raise CctaError("--address and --gpus belong to --engine ray")
        return partial(runner.run, workers=options.workers or os.cpu_count() or 1)
    from ccta_core.study import ray_runner

    ray_runner.check_installed()
    cluster = ray_runner.Cluster(options.address, options.workers or 0, options.gpus)
    return partial(ray_runner.run, cluster=cluster)


def _list(options: argparse.Namespace) -> None:
    from ccta_core.study.plan import names
    from ccta_core.study.table import open_study

    rows: list[dict[str, Any]] = []
    for name in names():
        study = open_study(name)
        done, total = study.done
        rows.append(
            {
                "name": name, "data": study.plan.data, "models": len(study.plan.models),
                "items": study.plan.items, "languages": list(study.plan.languages),
                "layers": list(study.plan.layers), "parts_done": done, "parts": total,
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


_MEANS = """
SELECT model, layer, source_lang, target_lang, count(*) AS n, avg(ems) AS ems,
    avg(ems_uniform) AS ems_uniform, avg(ems_shuffled) AS ems_shuffled,
    avg(ems_unrelated) AS ems_unrelated, avg(gain) AS gain,
    avg(source_score) AS source_score, avg(target_score) AS target_score
FROM rows GROUP BY ALL ORDER BY ALL
"""


def _show(options: argparse.Namespace) -> None:
    from ccta_core.study.table import open_study

    rows = list(open_study(options.name).records(_MEANS))
    if options.json:
        write_text("-", json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
        return
    sys.stdout.write("  ".join(rows[0]) + "\n")
    for row in rows:
        cells = (plain(value) if isinstance(value, float) else str(value) for value in row.values())
        sys.stdout.write("  ".join(cells) + "\n")


def _stop(options: argparse.Namespace) -> None:
    from ccta_core.study import process

    name = options.name
    outcome = process.stop(name)
    if outcome == process.ENDED:
        line = f"{name} has stopped; what is finished is kept: ccta study resume {name} goes on"
    elif outcome == process.ASKED:
        line = f"{name} is asked to stop; it ends after the chunk in hand"
    else:
        line = f"nothing runs of {_stands(name)}: nothing was stopped"
    sys.stderr.write(f"{line}\n")


def _stands(name: str) -> str:
    """A study that does not run: its name, and that it ships, is finished or has parts missing."""
    from ccta_core.study.process import find_folder
    from ccta_core.study.state import FINISHED, state_of

    state = state_of(find_folder(name))
    if state.shipped:
        return f"{name}, which ships with the product"
    if state.kind == FINISHED:
        return f"{name}, which is finished"
    measured = f"{state.done} of {state.total} parts are measured" if state.plan else "no plan yet"
    return f"{name} ({measured})"


def _numbers(written: str) -> list[int]:
    try:
        return [read_whole(part.strip(), 0, _MOST_LAYERS) for part in written.split(",")]
    except ValueError:
        raise CctaError(f"layers {written[:40]!r}: expected numbers, as in 0,8") from None


def _checked(workers: int) -> int:
    if not 1 <= workers <= 1024:
        raise CctaError(f"workers is {workers}; expected 1 to 1024")
    return workers
