"""`ccta adjust`: bring an encoder to read translations alike, and see what that did to it."""

import argparse
import json
import sys
from typing import Any

from ccta_core.cli import adjust_measure, adjust_plan
from ccta_core.cli.write import progress, write_text
from ccta_core.errors import CctaError

_EXAMPLE = (
    "ccta adjust run --name es-2000 --lang es --pairs 2000 "
    "--parallel opus:../shared/data/opus_testsets#en-es/newstest"
)


def add(commands: argparse._SubParsersAction) -> None:
    """Declares `ccta adjust` and all it can do."""
    parser = commands.add_parser(
        "adjust", help="adjust an encoder with parallel text", epilog=_EXAMPLE
    )
    actions = parser.add_subparsers(required=True, metavar="run|resume|list|show|measure|plan")
    _add_run(actions)
    resume = actions.add_parser(
        "resume", help="go on with a run that was killed", epilog="ccta adjust resume es-2000"
    )
    resume.add_argument("name")
    _add_machine_options(resume)
    resume.set_defaults(run=_resume)
    listing = actions.add_parser("list", help="the runs here", epilog="ccta adjust list")
    listing.add_argument("--json", action="store_true", help="rows as JSON")
    listing.set_defaults(run=_list)
    show = actions.add_parser(
        "show", help="what a run did to held-out pairs", epilog="ccta adjust show es-2000"
    )
    show.add_argument("name")
    show.add_argument("--json", action="store_true", help="manifest and rows as JSON")
    show.set_defaults(run=_show)
    adjust_measure.add(actions)
    adjust_plan.add(actions)


def _add_run(actions: argparse._SubParsersAction) -> None:
    run = actions.add_parser("run", help="start a run", epilog=_EXAMPLE)
    run.add_argument("--name", required=True, help="of the run and of the backbone it makes")
    run.add_argument("--lang", required=True, help="the language beside English: es")
    run.add_argument(
        "--parallel", required=True, action="append", metavar="SPEC",
        help="parallel text: A,B (two files) opus:FOLDER#en-es iwslt:FOLDER#en-vi "
        "tatoeba:FOLDER#es flores:FOLDER#en-es pud:FOLDER#en-es file:PATH; "
        "given again: read together",
    )  # fmt: skip
    run.add_argument(
        "--model", default="e5-small", metavar="ID",
        help="backbone to adjust: e5-small, an adjusted one, a folder or a hub name",
    )  # fmt: skip
    run.add_argument("--pairs", type=int, metavar="N", help="pairs drawn at random (all)")
    run.add_argument("--held", type=int, metavar="N", help="pairs kept out to measure on (200)")
    run.add_argument("--seed", type=int)
    how = run.add_mutually_exclusive_group()
    how.add_argument("--full", action="store_true", default=None, help="train every weight")
    how.add_argument("--lora", action="store_true", help="train a low-rank adapter (the default)")
    run.add_argument("--rank", type=int, help="of the adapter (8)")
    run.add_argument("--lr", type=float, dest="learning_rate", help="5e-4, with --full 5e-5")
    run.add_argument("--epochs", type=int)
    run.add_argument("--batch-size", type=int, help="sentence pairs (32)")
    run.add_argument("--anchor-weight", type=float, help="of the English anchor (1)")
    run.add_argument(
        "--target", choices=("current", "frozen"),
        help="the English vector words are drawn to: the model's own, or the start model's",
    )  # fmt: skip
    run.add_argument("--layer", type=int, metavar="K", help="of the word vectors (the last)")
    run.add_argument(
        "--link-layer", type=int, metavar="K", help="words are linked at (the model's)"
    )
    run.add_argument("--aligner", help="argmax (the model's own states), eflomal or systran-align")
    run.add_argument("--freeze", choices=("lower", "none"), help="layers that stay as they are")
    run.add_argument(
        "--placebo", action="store_true", default=None,
        help="re-pair all links at random: what mere further training does",
    )  # fmt: skip
    run.add_argument(
        "--noise", type=float, metavar="SHARE", help="of links re-paired at random (0)"
    )
    run.add_argument(
        "--test", action="append", dest="tests", metavar="SPEC",
        help="data that will be scored: pairs that share a sentence are left out "
        "(Tatoeba, where it is in ../shared/data)",
    )  # fmt: skip
    run.add_argument(
        "--allow-overlap", action="store_true", default=None, help="keep pairs of the test data"
    )
    run.add_argument("--precision", choices=("bfloat16", "float32"), default="bfloat16")
    _add_machine_options(run)
    run.set_defaults(run=_run)


def _add_machine_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", help="cpu or cuda (the GPU where there is one)")
    parser.add_argument("--json", action="store_true", help="the manifest as JSON on stdout")


def _run(options: argparse.Namespace) -> None:
    from ccta_core.adjustment.parallel import usual_tests
    from ccta_core.adjustment.run import run
    from ccta_core.adjustment.settings import Adjustment
    from ccta_core.models.processor import bfloat16_warning, device_of

    names = (
        "name", "lang", "model", "pairs", "held", "seed", "full", "rank", "learning_rate",
        "epochs", "batch_size", "anchor_weight", "target", "layer", "link_layer", "aligner",
        "freeze", "placebo", "noise", "allow_overlap",
    )  # fmt: skip
    given = {name: getattr(options, name) for name in names}
    if options.full and options.rank:
        raise CctaError("--full trains every weight and has no rank; give one of the two")
    given = {name: value for name, value in given.items() if value is not None}
    if "rank" in given:
        given["alpha"] = 2 * given["rank"]
    settings = Adjustment(
        parallel=tuple(options.parallel),
        tests=tuple(options.tests) if options.tests else usual_tests(),
        bfloat16=options.precision == "bfloat16",
        **given,
    )
    device = device_of(options.device)
    if settings.bfloat16 and (slow := bfloat16_warning(device)):
        progress(f"{slow}; --precision float32 adjusts in float32")
    _report_done(options, run(settings, report=progress, device=device))


def _resume(options: argparse.Namespace) -> None:
    from ccta_core.adjustment.run import resume
    from ccta_core.models.processor import device_of

    device = device_of(options.device)
    _report_done(options, resume(options.name, report=progress, device=device))


def _report_done(options: argparse.Namespace, manifest: dict[str, Any]) -> None:
    if not manifest:  # of several processes the first one speaks
        return
    if options.json:
        write_text("-", json.dumps(manifest, ensure_ascii=False, indent=1) + "\n")
    progress(
        f"the adjusted backbone is {manifest['id']}; ccta models train --from {manifest['id']} "
        "trains a task on it"
    )


def _list(options: argparse.Namespace) -> None:
    from ccta_core.adjustment.settings import list_runs

    rows = list_runs()
    if options.json:
        write_text("-", json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
        return
    if not rows:
        progress("no adjustment was begun here; ccta adjust run --help shows how")
    for row in rows:
        if row["lang"] is None:
            sys.stdout.write(f"{row['name']}  {row['status']}\n")
            continue
        auc = "" if row["auc"] is None else f"  AUC {row['auc_at_start']:.3f} -> {row['auc']:.3f}"
        kind = "placebo" if row["placebo"] else "adjusted"
        sys.stdout.write(
            f"{row['name']}  {row['lang']}  {kind}  seed {row['seed']}  "
            f"{row['pairs'] or 'all'} pairs  {row['status']}{auc}\n"
        )


def _show(options: argparse.Namespace) -> None:
    from ccta_core.adjustment.settings import read_manifest, read_rows

    manifest, rows = read_manifest(options.name), read_rows(options.name, "probes")
    if options.json:
        write_text("-", json.dumps({"manifest": manifest, "probes": rows}, indent=1) + "\n")
        return
    settings = manifest["settings"]
    layer = (
        settings["layer"]
        if settings["layer"] is not None
        else max((row["layer"] for row in rows), default=0)
    )
    sys.stdout.write(
        f"{options.name}: {settings['model']} with {settings['lang']}, "
        f"{manifest['status']}{': ' + manifest['reason'] if 'reason' in manifest else ''}\n"
    )
    for name in ("data", "links"):
        if name in manifest:
            sys.stdout.write(f"{name}: {json.dumps(manifest[name], ensure_ascii=False)}\n")
    sys.stdout.write(
        f"held-out pairs, layer {layer}: cosine distance of related and unrelated words\n"
        "   step     AUC  related  unrelated  retrieval to en\n"
    )
    for row in rows:
        if row["layer"] == layer:
            sys.stdout.write(
                f"{row['step']:>7}  {row['auc_cosine']:.4f}  {row['related_cosine']:>7.4f}  "
                f"{row['unrelated_cosine']:>9.4f}  {row['retrieval_to_english']:>15.3f}\n"
            )
