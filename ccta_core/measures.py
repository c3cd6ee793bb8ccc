"""Every measure once: key, label, meaning, range, direction, and its SQL over a study's rows.

Whatever prints, sorts, filters, draws or documents a measure reads it here (docs/method.md, 4).
"""

from dataclasses import dataclass, replace
from types import MappingProxyType

from ccta_core import text

UNITS = ("language", "pair", "item", "training")
"""What a point or a cell can be; docs/statistics.md says what is independent in each."""
NOTHING_TO_PERMUTE = "nothing can be permuted: one word a text, or equal masses"
_NO_UNRELATED = "no unrelated items"
_INF = float("inf")


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure.

    Its values lie in `low`..`high`; `better` says which end means more consistency ("higher",
    "lower") or nothing (""). `written` is how a value is written: "number", "share" or "p".
    `missing` says why it may be null. `directed` measures differ between a pair of languages and
    the pair turned round; `signed` ones are coloured around zero. `sql` is its column or expression
    over `rows`, the key itself where empty; it names a side as `{side}` where the measure belongs
    to one text. `both` is what stands for the two sides together, where that is not their mean.
    `with_both` says that a single item has the measure of both its texts, as what is held fixed.
    `in_menus`: offered on pages.
    """

    key: str
    label: str
    meaning: str
    low: float = 0.0
    high: float = 1.0
    better: str = ""
    written: str = "number"
    missing: str = ""
    directed: bool = False
    signed: bool = False
    sql: str = ""
    both: str = ""
    with_both: bool = False
    in_menus: bool = True

    @property
    def sided(self) -> bool:
        """Whether it belongs to one text."""
        return "{side}" in self.sql

    @property
    def title(self) -> str:
        """The label at the beginning of a sentence or of a row."""
        symbol = not self.label[1:2].isalpha()  # p and z stay as they are
        return self.label if symbol else self.label[:1].upper() + self.label[1:]

    def write(self, value: float | None) -> str:
        """Returns a value as a person reads it; a dash for None."""
        if self.written == "share":
            return text.percent(value)
        return text.p_value(value) if self.written == "p" else text.number(value)

    def sql_at(self, unit: str) -> str:
        """Its SQL for a row, at a unit of analysis: a double, null where it is not known.

        A language and a training language x language have the target's; a pair has both sides';
        an item the target's, or both where `with_both`.
        """
        sql = self.sql or self.key
        if not self.sided:
            return _finite(sql)
        if unit == "pair" or (unit == "item" and self.with_both):
            source, target = (sql.format(side=side) for side in ("source", "target"))
            return _finite(self.both or f"(({source}) + ({target})) / 2")
        return _finite(sql.format(side="target"))


def _finite(sql: str) -> str:
    value = f"CAST(({sql}) AS DOUBLE)"
    return f"CASE WHEN isfinite({value}) THEN {value} END"


SAME_PREDICTION = (
    "CASE WHEN task = 'qa' THEN source_correct = target_correct "
    "ELSE source_predicted = target_predicted END"
)
"""SQL: whether the model says the same in both languages. Of answers, which differ in their words,
whether both are right or both wrong."""

_ALL = (
    Measure("ems", "EMS", "Earth Mover's Similarity: how alike the two readings are, at most 1",
            low=-1, better="higher"),
    Measure("gain", "gain", "EMS less its shuffled mean: what the attributions add", low=-2, high=2,
            better="higher", signed=True, missing=NOTHING_TO_PERMUTE),
    Measure("gain_unrelated", "gain, unrelated", "the chance level of the gain: the same of "
            "unrelated texts of the same class (studies: mean of both directions)", low=-2,
            high=2, signed=True, missing="no unrelated items, or measured by an earlier version",
            in_menus=False),
    Measure("gain_other_class", "gain, another class", "the gain where one of the two sides "
            "explains another class, mean of both", low=-2, high=2, signed=True,
            missing="three items in four, no class, or measured by an earlier version",
            in_menus=False),
    Measure("gain_calibrated", "gain less chance", "agreement on translations: the gain less that "
            "of unrelated texts", low=-2, high=2, better="higher", signed=True,
            missing="no unrelated items, or measured by an earlier version",
            sql="gain - gain_unrelated"),
    Measure("ems_uniform", "embeddings only",
            "EMS with uniform masses: every word has the same mass", low=-1),
    Measure("ems_shuffled", "shuffled", "mean EMS over masses shuffled within their text", low=-1,
            missing=NOTHING_TO_PERMUTE),
    Measure("ems_unrelated", "unrelated", "the chance level: mean EMS of the source against "
            "unrelated texts of the same class", low=-1, directed=True, missing=_NO_UNRELATED),
    Measure("ems_length", "length only", "EMS with masses proportional to a word's subwords",
            low=-1),
    Measure("calibrated", "calibrated EMS", "EMS rescaled: 0 like unrelated texts, 1 perfect "
            "agreement; not a control", low=-_INF, better="higher", signed=True, directed=True,
            missing=_NO_UNRELATED),
    Measure("shuffled_sd", "SD of shuffled", "standard deviation of EMS over shuffled masses",
            high=2, missing=NOTHING_TO_PERMUTE, in_menus=False),
    Measure("p_value", "p against shuffled", "share of shuffles that reach EMS", better="lower",
            written="p", missing=NOTHING_TO_PERMUTE, in_menus=False),
    Measure("z", "z", "gain in standard deviations of the shuffled", low=-_INF, high=_INF,
            better="higher", signed=True, missing=NOTHING_TO_PERMUTE),
    Measure("link_spearman", "rank correlation of linked words",
            "rank correlation of the attributions over one-to-one word links", low=-1,
            better="higher", signed=True, missing="fewer than five word links"),
    Measure("linked_difference", "difference of linked words",
            "mean |n_s m_i - n_t m_j| over linked words: how far they differ in mass, where 1 is a "
            "uniform share", high=_INF, better="lower", missing="no word links"),
    Measure("unlinked_difference", "difference of unlinked words",
            "the same over each link's source word and the target word of another link, one-to-one:"
            " the assignment nearest in log frequency to the words stood in for (sum of the pieces'"
            " log probabilities in the tokenizer; words of one form are avoided); at random where "
            "the tokenizer has none (WordPiece, BPE)", high=_INF, in_menus=False),
    Measure("shuffled_difference", "difference, shuffled", "the same over the links, masses "
            "shuffled", high=_INF, in_menus=False),
    Measure("sign_agreement", "same sign", "mass moved between words whose attributions have one "
            "sign", better="higher", written="share"),
    Measure("cross_segment_mass", "between the texts", "mass moved from one text of an item to its "
            "other text", written="share", missing="one text only"),
    Measure("marginal_error", "marginal error", "largest deviation of the plan's sums from the "
            "masses", high=_INF, in_menus=False),
    Measure("agreement", "same prediction", "share of items with one prediction in both languages",
            better="higher", written="share", sql=SAME_PREDICTION),
    Measure("both_right", "both right", "share of items that are right in both languages",
            better="higher", written="share", sql="source_correct AND target_correct"),
    Measure("score", "score", "mean over the items", better="higher", sql="{side}_score"),
    Measure("correct", "share right", "share of right predictions", better="higher",
            written="share", sql="CAST({side}_correct AS INT)"),
    Measure("probability", "probability of the gold label", "mean over the items", better="higher",
            sql="{side}_probability"),
    Measure("confidence", "confidence", "probability of the model's own prediction",
            sql="{side}_confidence"),
    Measure("length", "length", "words of a text", high=_INF, sql="{side}_units",
            both="source_units + target_units", with_both=True),
    Measure("fertility", "fertility", "subwords a word", low=1, high=_INF,
            sql="{side}_subwords / {side}_units",
            both="(source_subwords + target_subwords) / (source_units + target_units)",
            with_both=True),
    Measure("special_share", "share on special tokens", "attribution on tokens that are no words",
            written="share", sql="{side}_special_share"),
    Measure("mass_error", "error of the masses",
            "bound on the L1 error of the unit masses that holds for 90% of attributions", high=2,
            better="lower", sql="{side}_mass_error",
            missing="measured by an earlier version, or by a method without such a bound"),
    Measure("completeness_error", "completeness error", "of the attribution", high=_INF,
            better="lower", written="share", sql="{side}_completeness_error"),
)  # fmt: skip
MEASURES = MappingProxyType({measure.key: measure for measure in _ALL})
"""Every measure by key, in the order of the menus."""
MENU = tuple(measure.key for measure in _ALL if measure.in_menus)
"""What pages offer."""
WITH_CONTROLS = ("ems", "ems_uniform", "ems_shuffled", "ems_unrelated", "gain")
"""EMS and what it must be held against, in the order of a table (docs/method.md, 4)."""
STORED = (
    "ems", "ems_uniform", "ems_length", "ems_shuffled", "shuffled_sd", "p_value", "ems_unrelated",
    "gain", "gain_unrelated", "gain_other_class", "z", "link_spearman", "sign_agreement",
    "cross_segment_mass", "linked_difference", "unlinked_difference", "shuffled_difference",
    "marginal_error",
)  # fmt: skip
"""Those that a study's rows hold, in the order of the columns (study/storage/schema.py)."""
EXPORTED = (*STORED, "calibrated")
"""Those whose means can be exported."""
PAIR_CONTROLS = (
    "ems_uniform", "ems_length", "ems_shuffled", "shuffled_sd", "p_value", "ems_unrelated",
    "gain", "gain_unrelated", "z", "calibrated", "link_spearman", "sign_agreement",
    "cross_segment_mass",
)  # fmt: skip
"""The controls of one pair, in the order of `types.Controls`."""
FIXED = ("ems_uniform", "length", "fertility")
"""What a partial correlation holds fixed (docs/method.md, 5)."""
_LAST = ("score", "agreement", "both_right")
CELLS = (*(key for key in MENU if not MEASURES[key].sided and key not in _LAST), *_LAST)
"""What a matrix of languages can show."""


def label(key: str, task: str = "") -> str:
    """Returns what a measure is called in a sentence; the score by what it is in the task."""
    if key == "score":
        return "F1" if task == "qa" else "accuracy"
    if key == "correct" and task == "qa":
        return "exact match"
    return MEASURES[key].label


def title(key: str, task: str = "") -> str:
    """Returns the same at the beginning of a sentence."""
    return replace(MEASURES[key], label=label(key, task)).title


def offered(task: str) -> list[str]:
    """Returns the measures that say something of a task, in the order of the menus."""
    return [key for key in MENU if key != "correct" or task == "qa"]
