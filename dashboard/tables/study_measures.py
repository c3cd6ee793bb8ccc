"""What can be asked of a study's rows: every measure by name, its SQL at each unit, its words."""

from dataclasses import dataclass
from types import MappingProxyType

UNITS = ("language", "pair", "item", "training")
"""What a point or a cell can be; see docs/statistics.md for what is independent in each."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure: its name, what it is called in a sentence, what it is, its SQL over `rows`.

    `sql` names a side as `{side}` where the measure belongs to one text and not to the pair of
    them. `both` is what stands for the two sides together, where that is not their mean.
    `with_both` says that a single item has the measure of both its texts, as what is held fixed.
    """

    name: str
    label: str
    what: str
    sql: str
    both: str = ""
    with_both: bool = False
    signed: bool = False

    @property
    def sided(self) -> bool:
        """Whether it belongs to one text."""
        return "{side}" in self.sql

    def at(self, unit: str) -> str:
        """Its SQL for a row, at a unit of analysis: a double, null where it is not known.

        A language and a training language x language have the target's; a pair has both sides';
        an item the target's, or both where `with_both`.
        """
        if not self.sided:
            return _finite(self.sql)
        if unit == "pair" or (unit == "item" and self.with_both):
            source, target = (self.sql.format(side=side) for side in ("source", "target"))
            return _finite(self.both or f"(({source}) + ({target})) / 2")
        return _finite(self.sql.format(side="target"))


def _finite(sql: str) -> str:
    value = f"CAST(({sql}) AS DOUBLE)"
    return f"CASE WHEN isfinite({value}) THEN {value} END"


SAME = (
    "CASE WHEN task = 'qa' THEN source_correct = target_correct "
    "ELSE source_predicted = target_predicted END"
)
"""Whether the model says the same in both languages: of answers, which differ in their words,
whether both are right or both wrong."""
_ALL = (
    Measure("ems", "EMS", "how alike the two readings are, at most 1", "ems"),
    Measure("gain", "gain", "EMS less its shuffled mean: what attributions add", "gain",
            signed=True),
    Measure("ems_uniform", "embeddings only", "EMS if every word weighed the same", "ems_uniform"),
    Measure("ems_shuffled", "shuffled", "mean EMS with the weights dealt out at random",
            "ems_shuffled"),
    Measure("ems_unrelated", "unrelated", "mean EMS against other texts of the same label",
            "ems_unrelated"),
    Measure("ems_length", "length only", "EMS if words weighed as much as they have subwords",
            "ems_length"),
    Measure("calibrated", "calibrated EMS", "0 like unrelated texts, 1 perfect agreement",
            "calibrated", signed=True),
    Measure("z", "z", "gain in standard deviations of the shuffled", "z", signed=True),
    Measure("link_spearman", "linked words", "rank correlation of scores over linked words",
            "link_spearman", signed=True),
    Measure("linked_difference", "difference of linked words",
            "how far linked words differ in weight; 1 is a uniform share", "linked_difference"),
    Measure("sign_agreement", "same sign", "mass moved between scores of one sign",
            "sign_agreement"),
    Measure("cross_segment_mass", "between the texts", "mass moved from one text to the other",
            "cross_segment_mass"),
    Measure("agreement", "same prediction", "share of items with one prediction in both languages",
            SAME),
    Measure("both_right", "both right", "share of items that are right in both languages",
            "source_correct AND target_correct"),
    Measure("score", "score", "mean over the items", "{side}_score"),
    Measure("correct", "share right", "share of right predictions", "CAST({side}_correct AS INT)"),
    Measure("probability", "probability of the gold label", "mean over the items",
            "{side}_probability"),
    Measure("confidence", "confidence", "probability of the model's own prediction",
            "{side}_confidence"),
    Measure("length", "length", "words of a text", "{side}_units",
            "source_units + target_units", with_both=True),
    Measure("fertility", "fertility", "subwords a word", "{side}_subwords / {side}_units",
            "(source_subwords + target_subwords) / (source_units + target_units)",
            with_both=True),
    Measure("special_share", "share on specials", "attribution on tokens that are no words",
            "{side}_special_share"),
    Measure("mass_error", "error of the masses", "bound on their L1 error, 90% coverage",
            "{side}_mass_error"),
    Measure("completeness_error", "completeness error", "of the attribution",
            "{side}_completeness_error"),
)  # fmt: skip
MEASURES = MappingProxyType({one.name: one for one in _ALL})
"""Every measure by name, in the order of the menus."""
_LAST = ("score", "agreement", "both_right")
CELLS = (*(one.name for one in _ALL if not one.sided and one.name not in _LAST), *_LAST)
"""What a matrix of languages can show."""
DIRECTED = frozenset(("ems_unrelated", "calibrated"))
"""They differ between a pair and the pair turned round."""
CONTROLS = ("ems", "gain", "ems_uniform", "ems_shuffled", "ems_unrelated")
"""EMS and what it must be held against (docs/method.md, 4)."""
FIXED = ("ems_uniform", "length", "fertility")
"""What a partial correlation holds fixed (docs/method.md, 5)."""


def label(name: str, task: str = "") -> str:
    """What a measure is called in a sentence; the score by what it is in the task."""
    if name == "score":
        return "F1" if task == "qa" else "accuracy"
    if name == "correct" and task == "qa":
        return "exact match"
    return MEASURES[name].label


def title(name: str, task: str = "") -> str:
    """The same at the beginning of a sentence."""
    text = label(name, task)
    return text if text == "z" else text[:1].upper() + text[1:]


def offered(task: str) -> list[str]:
    """The measures that say something of a task, in the order of the menus."""
    return [name for name in MEASURES if name != "correct" or task == "qa"]
