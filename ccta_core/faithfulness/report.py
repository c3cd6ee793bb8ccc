"""The report: every ranking's means by language with intervals, against random rankings."""

import csv
import io
import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

from ccta_core.analysis.intervals import clustered_interval
from ccta_core.attribution.protocol import Stop, never
from ccta_core.faithfulness.measure import measure
from ccta_core.faithfulness.rows import RowFile, default_file
from ccta_core.faithfulness.settings import RANDOM, FaithfulnessDesign
from ccta_core.models.model import Model

ALL = "all"
"""Stands for all languages together."""
GAP = "normalised_gap"
MEASURES = {
    "comprehensiveness": 1,
    "sufficiency": -1,
    "normalised_comprehensiveness": 1,
    "normalised_sufficiency": -1,
    GAP: 1,
    "margin_comprehensiveness": 1,
    "margin_sufficiency": -1,
    "flip_rank": -1,
    "mass_change": -1,
}
"""Measure -> 1 where more is better, -1 where less is.

`normalised_gap` is normalised comprehensiveness less normalised sufficiency, an order against
itself turned round: 1 at most, 0 on average over all orders, so that it needs no control to be
read. `mass_change` is the largest L1 distance that noise moves the masses, which sum to 1.
"""


@dataclass(frozen=True, slots=True)
class GroupedEstimate:
    """A mean over `n` sentences and its 95% interval, items of one group drawn together."""

    value: float
    low: float
    high: float
    n: int

    @property
    def clear(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class RankingRow:
    """One ranking in one language (or `all`) under one replacement.

    `means` and `against_random` are measure -> estimate; the second is the mean of the paired
    differences from the random rankings of the same sentence. A measure that is not known of any
    sentence is not there.
    """

    ranking: str
    replacement: str
    lang: str
    means: Mapping[str, GroupedEstimate]
    against_random: Mapping[str, GroupedEstimate]

    def payload(self) -> dict[str, Any]:
        """Plain numbers and strings; `None` where a measure is not known."""
        facts: dict[str, Any] = {
            "ranking": self.ranking, "replacement": self.replacement, "lang": self.lang,
        }  # fmt: skip
        for prefix, estimates in (("", self.means), ("against_random_", self.against_random)):
            for name in MEASURES:
                estimate = estimates.get(name)
                for suffix, part in (("", "value"), ("_low", "low"), ("_high", "high")):
                    key = f"{prefix}{name}{suffix}"
                    facts[key] = None if estimate is None else getattr(estimate, part)
                if not prefix:
                    facts[f"{name}_n"] = 0 if estimate is None else estimate.n
        return facts


@dataclass(frozen=True, slots=True, eq=False)
class FaithfulnessReport:
    """What was measured. `values` has a row a sentence, replacement and ranking (draws averaged).

    Columns of `values`: item, group, lang, units, replacement, ranking and the measures.
    `search` says of each replacement how its bounds were found.
    """

    model: str
    revision: str
    corpus: str
    target: str
    languages: tuple[str, ...]
    settings: tuple[str, ...]
    values: pd.DataFrame
    search: Mapping[str, Mapping[str, float]]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    @property
    def items(self) -> int:
        """How many items were measured."""
        return int(self.values["item"].nunique())

    @property
    def groups(self) -> int:
        """How many premises or paragraphs they have."""
        return int(self.values["group"].nunique())

    @property
    def replacements(self) -> tuple[str, ...]:
        """PAD, MASK or both."""
        return tuple(dict.fromkeys(self.values["replacement"]))

    @property
    def rankings(self) -> tuple[str, ...]:
        """The settings, then the controls."""
        return tuple(dict.fromkeys(self.values["ranking"]))

    def rows(self) -> tuple[RankingRow, ...]:
        """A row a replacement, language (all first) and ranking."""
        return _rows(self)

    def estimate(
        self, measure_name: str, replacement: str, lang: str, ranking: str, other: str | None = None
    ) -> GroupedEstimate | None:
        """The mean of a measure, or of the paired differences of two rankings (ranking - other).

        None where no sentence has it.
        """
        table = self._of(replacement, lang, ranking)
        values = table[measure_name]
        if other is not None:
            values = values - self._of(replacement, lang, other)[measure_name]
        defined = values.dropna()
        if defined.empty:
            return None
        groups = table.loc[defined.index, "group"]
        low, high = clustered_interval(defined.to_numpy(float), list(groups))
        return GroupedEstimate(float(defined.mean()), low, high, len(defined))

    def payload(self) -> dict[str, Any]:
        """Plain numbers and strings, as `--json` prints them."""
        return {
            **{name: getattr(self, name) for name in _FACTS},
            "languages": list(self.languages),
            "settings": list(self.settings),
            "rows": [row.payload() for row in self.rows()],
            "search": {kind: dict(facts) for kind, facts in self.search.items()},
            "notices": list(self.notices),
            "provenance": dict(self.provenance),
        }

    def to_json(self) -> str:
        """The payload as JSON (never NaN)."""
        return json.dumps(self.payload(), ensure_ascii=False, allow_nan=False, indent=1)

    def to_csv(self) -> str:
        """The rows as CSV, a line a replacement, language and ranking."""
        rows = [row.payload() for row in self.rows()]
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()

    def _of(self, replacement: str, lang: str, ranking: str) -> pd.DataFrame:
        """The sentences of one ranking, by item and language."""
        values = _by_ranking(self)[replacement, ranking]
        return values if lang == ALL else values[values["lang"] == lang]


@lru_cache(maxsize=2)
def _by_ranking(report: FaithfulnessReport) -> Mapping[tuple[str, str], pd.DataFrame]:
    """The sentences of every (replacement, ranking), by item and language."""
    indexed = report.values.set_index(["item", "lang"], drop=False)
    return {
        (str(replacement), str(ranking)): table
        for (replacement, ranking), table in indexed.groupby(["replacement", "ranking"])
    }


@lru_cache(maxsize=2)
def _rows(report: FaithfulnessReport) -> tuple[RankingRow, ...]:
    """The rows of a report: thousands of intervals, drawn once for all that show them."""

    def estimates(place: tuple[str, str, str], other: str | None) -> dict[str, GroupedEstimate]:
        means = {name: report.estimate(name, *place, other) for name in MEASURES}
        return {name: mean for name, mean in means.items() if mean is not None}

    rows = []
    for replacement in report.replacements:
        for lang in (ALL, *report.languages):
            for ranking in report.rankings:
                place = (replacement, lang, ranking)
                against = {} if ranking == RANDOM else estimates(place, RANDOM)
                rows.append(RankingRow(ranking, replacement, lang, estimates(place, None), against))
    return tuple(rows)


_FACTS = ("model", "revision", "corpus", "target", "items", "groups")


def faithfulness(
    model: Model,
    design: FaithfulnessDesign,
    *,
    rows: RowFile | None = None,
    report: Callable[[str], None] = lambda _line: None,
    stop: Stop = never,
) -> FaithfulnessReport:
    """Measures what is missing in `rows` (by default a file in the cache) and reports on all.

    Raises what `measure` raises.
    """
    facts = design.facts(model.id, model.revision)
    rows = rows or RowFile(default_file(facts), facts)
    return report_on(model, design, measure(model, design, rows, report, stop))


def report_on(
    model: Model, design: FaithfulnessDesign, records: Sequence[Mapping[str, Any]]
) -> FaithfulnessReport:
    """The report on measured items."""
    values = table_of(records)
    short = sum(len(design.languages) - len(record["cells"]) for record in records)
    notices = [f"{short} texts of one unit were left out."] if short else []
    return FaithfulnessReport(
        model=model.id,
        revision=model.revision,
        corpus=design.corpus,
        target=design.target,
        languages=tuple(lang for lang in design.languages if (values["lang"] == lang).any()),
        settings=tuple(str(setting) for setting in design.settings),
        values=values,
        search=_search(records, design.replacements),
        provenance=_provenance(model, design),
        notices=tuple(notices),
    )


def table_of(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row a sentence, replacement and ranking; random rankings averaged over their draws."""
    rows = [
        {
            "item": record["item"],
            "group": record["group"],
            "lang": cell["lang"],
            "units": cell["units"],
            "replacement": replacement,
            "mass_change": cell["mass_change"].get(entry["ranking"]),
            **{key: value for key, value in entry.items() if not isinstance(value, list)},
        }
        for record in records
        for cell in record["cells"]
        for replacement, replaced in cell["replacements"].items()
        for entry in replaced["rankings"]
    ]
    table = pd.DataFrame(rows).drop(columns="draw")
    numbers = [name for name in MEASURES if name != GAP]
    table[numbers] = table[numbers].astype(float)
    keys = ["item", "group", "lang", "units", "replacement", "ranking"]
    table = table.groupby(keys, sort=False, as_index=False).mean()
    gap = table["normalised_comprehensiveness"] - table["normalised_sufficiency"]
    return table.assign(**{GAP: gap})


def _search(
    records: Sequence[Mapping[str, Any]], replacements: Sequence[str]
) -> dict[str, dict[str, float]]:
    """How the bounds were found: the share that is exact, how often an order beat the beam."""
    search = {}
    for kind in replacements:
        cells = [
            cell["replacements"][kind]
            for record in records
            for cell in record["cells"]
            if kind in cell["replacements"]
        ]
        if not cells:
            continue
        search[kind] = {
            "exact": float(np.mean([cell["exact"] for cell in cells])),
            "beaten": float(np.mean([cell["beaten"] > 0 for cell in cells])),
            "evaluations": float(np.mean([cell["evaluations"] for cell in cells])),
            "range": float(np.mean([cell["best"] - cell["worst"] for cell in cells])),
        }
    return search


def _provenance(model: Model, design: FaithfulnessDesign) -> dict[str, Any]:
    config = design.config
    return {
        "objective": config.objective,
        "quadrature": config.quadrature.rule,
        "tolerance": config.quadrature.tolerance,
        "max_points": config.quadrature.max_points,
        "random_rankings": design.draws,
        "beam": design.search.width,
        "all_orders_up_to": design.search.exact,
        "noise": asdict(design.noise) if design.noise.scale else None,
        "seed": config.seed,
        "precision": config.precision,
        "device": model.device.type,
        "ccta": version("ccta-explorer"),
        "torch": version("torch"),
        "transformers": version("transformers"),
        "python": platform.python_version(),
    }
