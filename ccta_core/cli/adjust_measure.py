"""`ccta adjust measure`: distances, words and sentences of a model, by layer."""

import argparse

from ccta_core.cli.write import progress
from ccta_core.errors import CctaError

_EXAMPLE = (
    "ccta adjust measure --model adjusted/es-2000 --lang es "
    "--parallel opus:../shared/data/opus_testsets#en-es/newstest "
    "--sentences tatoeba:../shared/data/tatoeba_laser_v1"
)


def add(actions: argparse._SubParsersAction) -> None:
    """Declares `ccta adjust measure`."""
    parser = actions.add_parser(
        "measure", help="distances, words and sentences by layer", epilog=_EXAMPLE
    )
    parser.add_argument("--model", required=True, metavar="ID", help="a backbone or a task's model")
    parser.add_argument("--lang", required=True, help="the language beside English: es")
    parser.add_argument(
        "--parallel", required=True, action="append", metavar="SPEC",
        help="parallel text of the adjustments: the same pairs are held out",
    )  # fmt: skip
    parser.add_argument(
        "--test", action="append", dest="tests", metavar="SPEC", help="as of the adjustments"
    )
    parser.add_argument("--held", type=int, metavar="N", help="pairs held out, as of them (200)")
    parser.add_argument(
        "--sentences", action="append", default=[], metavar="SPEC",
        help="parallel sentences for retrieval and MEXA: tatoeba:FOLDER flores:FOLDER",
    )  # fmt: skip
    parser.add_argument("--unseen", help="more languages for retrieval: sw,ur,th")
    parser.add_argument("--eval", metavar="SPEC", help="of a task's model: keep each item's score")
    parser.add_argument("--eval-langs", metavar="LANGS", help="languages of these items")
    parser.add_argument(
        "--cross", metavar="SPEC",
        help="questions in the language on English contexts: mlqa:FOLDER#question-es",
    )  # fmt: skip
    parser.add_argument("--limit", type=int, help="the first N items of each language")
    parser.add_argument("--device", help="cpu or cuda (the GPU where there is one)")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from ccta_core.adjustment.measures import MeasureSettings, measure, write_measures
    from ccta_core.adjustment.parallel import usual_tests
    from ccta_core.models.processor import device_of

    if bool(options.eval) != bool(options.eval_langs):
        raise CctaError(
            "--eval names data and --eval-langs the languages to score on; give both or neither"
        )
    device = device_of(options.device)
    settings = MeasureSettings(
        model=options.model,
        lang=options.lang,
        parallel=tuple(options.parallel),
        tests=tuple(options.tests) if options.tests else usual_tests(),
        sentences=tuple(options.sentences),
        unseen=tuple(options.unseen.split(",")) if options.unseen else (),
        **({} if options.held is None else {"held": options.held}),
    )
    if options.eval or options.cross:
        _score(options, device)
    measures = measure(settings, report=progress, device=device)
    folder = write_measures(settings, measures)
    row = [row for row in measures.distances if row["distance"] == "cosine"][-1]
    progress(
        f"{settings.model} in {settings.lang}: AUC {row['auc']:.4f} ({row['auc_low']:.4f} to "
        f"{row['auc_high']:.4f}) in cosine distance at layer {row['layer']}, "
        f"{row['links']} links; all tables lie in {folder}"
    )


def _score(options: argparse.Namespace, device: str) -> None:
    """Keeps what the model makes of each item, of languages that its folder does not have yet.

    Raises CctaError where it has other items of one: two data sets would be told as one.
    """
    from ccta_core.adjustment.tables import cross_key
    from ccta_core.corpus.spec import read_items
    from ccta_core.evaluation.score import item_scores
    from ccta_core.models.load import load_model
    from ccta_core.training.finish import ITEMS, keeps_items, write_items

    langs = options.eval_langs.split(",") if options.eval and options.eval_langs else []
    wanted = [(lang, options.eval, lang) for lang in langs]
    wanted += [(cross_key(options.lang), options.cross, "en")] if options.cross else []
    if not wanted:
        return
    model = load_model(options.model, device=device)
    folder = model.info.folder
    if folder is None:
        raise CctaError(
            f"{options.model} has no folder of its own to keep what it makes of each item; leave "
            "--eval and --cross out, or name a model of `ccta models train`"
        )
    for key, spec, lang in wanted:
        items = read_items(spec, [lang], limit=options.limit).items
        kept = keeps_items(folder, key, items)
        if kept is False:
            raise CctaError(
                f"{folder / ITEMS} is of other items of {key} than {spec} gives; give the data and "
                "the --limit of before, or delete that file to score anew"
            )
        if kept is None:
            write_items(folder, key, item_scores(model, items), items)
            progress(f"{options.model}: {len(items)} items of {key} scored")
