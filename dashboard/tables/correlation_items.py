"""Does a high EMS announce a right prediction? One model and pair of languages, item by item."""

from dataclasses import dataclass

import pandas as pd

from ccta_core.statistics.deciles import Deciles, accuracy_by_decile
from ccta_core.statistics.multiple import holm
from ccta_core.statistics.prediction import Auroc, AurocDifference, auroc, compare_auroc
from ccta_core.study.table import Study
from dashboard.tables.correlation import Question, units
from dashboard.tables.study_measures import CONTROLS, MEASURES

CONFIDENCE = "confidence"
FEWEST = 20
"""With fewer items nothing is said, as in `ccta_core.findings.claims.by_item`."""


@dataclass(frozen=True, slots=True)
class Told:
    """How well a measure tells right predictions from wrong ones, and against the confidence.

    `against` is None for the confidence itself, and where it is not known. `p_holm` is its p,
    `p_own` that of the AUROC against a half, both corrected for the measures shown together.
    """

    measure: str
    own: Auroc
    against: AurocDifference | None
    p_holm: float | None = None
    p_own: float | None = None


def told_measures(question: Question) -> tuple[str, ...]:
    """EMS and its controls, with the measure asked for where it belongs to a pair of texts."""
    asked = (question.x,) if not MEASURES[question.x].sided else ()
    return tuple(dict.fromkeys((*asked, *CONTROLS)))


def right_items(study: Study, question: Question) -> pd.DataFrame:
    """One row an item of the first model: every measure, `right` (1 or 0) and the confidence.

    Right is the prediction in the target language. Columns as `tables.correlation.units`.
    """
    names = (*told_measures(question), CONFIDENCE, "correct")
    table = units(study, question, question.models[0], names)
    return table.dropna(subset=["correct"]).rename(columns={"correct": "right"})


def deciles(study: Study, question: Question, measure: str) -> Deciles | None:
    """Accuracy by tenths of a measure; None with fewer than 20 items."""
    known = right_items(study, question).dropna(subset=[measure])
    if len(known) < FEWEST:
        return None
    return accuracy_by_decile(known[measure], known["right"], list(known["group"]))


def told_apart(study: Study, question: Question, measure: str) -> Told | None:
    """One measure's AUROC beside the confidence's, on the items that have both.

    None with fewer than 20 items.
    """
    table = right_items(study, question)
    known = table.dropna(subset=[measure])
    sure = known.dropna(subset=[CONFIDENCE])
    if measure != CONFIDENCE and len(sure) >= FEWEST:
        found = compare_auroc(sure[measure], sure[CONFIDENCE], sure["right"], list(sure["group"]))
        return Told(measure, found.first, found)
    if len(known) < FEWEST:
        return None
    return Told(measure, auroc(known[measure], known["right"], list(known["group"])), None)


def corrected(study: Study, found: tuple[Told, ...]) -> tuple[Told, ...]:
    """The same with both p-values after Holm, each over all of them.

    Takes the study to be kept like every other answer: the correction takes a third of a second.
    """
    del study
    own = holm([one.own.p for one in found]).adjusted
    against = holm([one.against.p if one.against else None for one in found]).adjusted
    return tuple(
        Told(one.measure, one.own, one.against, p, p_own)
        for one, p, p_own in zip(found, against, own, strict=True)
    )
