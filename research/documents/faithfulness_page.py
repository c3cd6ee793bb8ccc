"""The page docs/faithfulness.md from what was measured."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ccta_core.errors import CctaError
from ccta_core.faithfulness.report import (
    ALL,
    GAP,
    FaithfulnessReport,
    GroupedEstimate,
    report_on,
)
from ccta_core.faithfulness.settings import RANDOM
from ccta_core.faithfulness.tables import faithfulness_verdict, markdown
from ccta_core.sensitivity.settings import REFERENCE
from ccta_core.text import plain
from research.documents.faithfulness_consistency import Consistency, section
from research.documents.faithfulness_parts import Measured

COMMAND = "python -m research.documents.faithfulness DATA"


def page(results: Mapping[str, Measured], consistency: Consistency | None) -> str:
    """The whole page: the main measurement, the other tasks, consistency, what was not run."""
    main = results["nli"]
    if not main.records:
        raise CctaError("nothing of the main measurement is there yet; give it more --minutes")
    noisy = results["noise"]
    design = replace(main.design, noise=noisy.design.noise if noisy.records else main.design.noise)
    report = report_on(main.model, design, main.with_changes(noisy.records))
    default = str(main.design.settings[0])
    lines = [markdown(report, default, COMMAND).rstrip("\n"), *_engine_default(report)]
    lines += _other_tasks(results)
    if consistency is not None:
        lines += section(report, consistency)
    lines += _limits(results, consistency)
    return "\n".join([*lines, ""])


def _engine_default(report: FaithfulnessReport) -> Iterator[str]:
    yield f"\n## The engine's own default, {REFERENCE}\n"
    yield from (f"- {line}" for line in faithfulness_verdict(report, str(REFERENCE)))


def _other_tasks(results: Mapping[str, Measured]) -> Iterator[str]:
    """A table a task: the normalised gap of every setting less that of random rankings."""
    measured = [
        (result, report)
        for name, result in results.items()
        if name not in ("nli", "noise") and (report := result.report) is not None
    ]
    if not measured:
        return
    yield "\n## Other tasks\n"
    yield (
        "Normalised gap less that of random rankings of the same texts, by replacement; read as "
        "above. From fewer than 10 groups no interval is reliable."
    )
    for result, report in measured:
        part = result.part
        yield (
            f"\n{report.model}, {report.corpus}: {report.items} items from {report.groups} groups "
            f"in {', '.join(report.languages)}, at most {part.most_units} units; beam "
            f"{part.search.width}, {part.precision}.\n"
        )
        places = [
            (kind, lang)
            for kind in report.replacements
            for lang in ((ALL, *report.languages) if len(report.languages) > 1 else (ALL,))
        ]
        heads = [f"{kind.upper()}{'' if lang == ALL else f', {lang}'}" for kind, lang in places]
        yield f"| ranking | {' | '.join(heads)} |"
        yield "|" + "---|" * (1 + len(heads))
        for ranking in report.rankings:
            if ranking != RANDOM:
                cells = [
                    _written(report.estimate(GAP, kind, lang, ranking, RANDOM))
                    for kind, lang in places
                ]
                yield f"| {ranking} | {' | '.join(cells)} |"


def _written(estimate: GroupedEstimate | None) -> str:
    if estimate is None:
        return "-"
    return f"{plain(estimate.value, 2)} [{plain(estimate.low, 2)}, {plain(estimate.high, 2)}]"


def _limits(results: Mapping[str, Measured], consistency: Consistency | None) -> Iterator[str]:
    """How much of what was declared is measured, and what these numbers do not say."""
    yield "\n## What was not run\n"
    done = "; ".join(
        f"{name} {len(result.records)} of {result.part.items} items"
        for name, result in results.items()
    )
    yield f"- Measured of what is declared: {done}."
    if consistency is None:
        yield "- Consistency by faithful and by unfaithful settings was not measured."
    yield (
        "- Exact decompositions of the encoder: DecompX was measured on 30 items and is not shown "
        "to be more faithful ([decision 12](decisions/0012-decomposition.md))."
    )
    units = results["nli"].part.most_units
    yield (
        f"- Texts are short (NLI: at most {units} units in every language): what holds of long "
        "texts may differ. Baselines other than those named, the negative mass and other layers "
        "were not measured."
    )
    yield (
        "- In bf16 matrix products are rounded, in attributions and in what is read with words "
        "removed; the change of masses under noise is measured in float32."
    )
    yield (
        "- A text with PAD or MASK in it is none that the model was trained on; a ranking by "
        "integrated gradients from PAD (MASK), or by occlusion, is made of the same replacement "
        "that tests it. Where PAD and MASK disagree, neither is to be believed alone."
    )
