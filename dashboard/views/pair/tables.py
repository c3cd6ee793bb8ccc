"""The tables of the Pair page: units, masses and flows of a pair, of two models, of its path."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ccta_core.faithfulness.curves import PairCurves
from ccta_core.measures import PAIR_CONTROLS
from ccta_core.result import PairResult
from ccta_core.space.links import mutual_links
from ccta_core.text import count, number
from ccta_core.types import ALPHA, Attribution, Controls

_TINY = 1e-9
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def plan_table(result: PairResult) -> pd.DataFrame:
    """One row a pair of words: mass moved, cosine, cost and its share of the whole cost.

    `mass` sums to 1; `cost` is mass * (1 - cosine) and sums to 1 - EMS.
    """
    mass, similarity = result.plan.matrix, result.similarity
    rows, columns = (grid.ravel() for grid in np.indices(mass.shape))
    cost = mass * (1 - similarity)
    table = pd.DataFrame({"source_position": rows, "target_position": columns})
    for side, places in (("source", rows), ("target", columns)):
        units = getattr(result, side).units
        table[side] = [units[place].text for place in places]
        table[f"{side}_text"] = [units[place].segment + 1 for place in places]
    table["mass"] = mass.ravel()
    table["cosine"] = similarity.ravel()
    table["cost"] = cost.ravel()
    table["share_of_cost"] = table["cost"] / max(float(cost.sum()), _TINY)
    return table


def costliest_flows(table: pd.DataFrame, count: int = 12) -> pd.DataFrame:
    """The flows that cost most, dearest first."""
    moved = table[(table["mass"] > _TINY) & (table["cost"] > _TINY)]
    return moved.sort_values(["cost", "mass"], ascending=False, kind="stable").head(count)


def flows_of_word(table: pd.DataFrame, side: str, index: int) -> pd.DataFrame:
    """The flows of one word."""
    return table[table[f"{side}_position"] == index]


def plan_csv(result: PairResult) -> bytes:
    """The plan as CSV that a spreadsheet reads as text and numbers, never as formulas."""
    table = plan_table(result)
    for side in ("source", "target"):
        table[side] = [f"'{text}" if text.startswith(_FORMULA) else text for text in table[side]]
    return table.to_csv(index=False).encode("utf-8-sig")


def predictions(result: PairResult) -> pd.DataFrame:
    """One row a class: its probability on both sides and the difference; of scores the scores.

    Answers and entities are texts of their own language: NaN where a side does not have one.
    """
    source, target = (
        side.prediction or side.head_scores for side in (result.source, result.target)
    )
    labels = list(dict.fromkeys([*source, *target]))
    table = pd.DataFrame({"label": labels})
    for side, values in (("source", source), ("target", target)):
        table[side] = [values.get(label, np.nan) for label in labels]
    table["difference"] = table["target"] - table["source"]
    return table


def models_table(
    results: Mapping[str, PairResult], less_chance: Mapping[str, float | None]
) -> pd.DataFrame:
    """One row a model: what it predicts on both sides and how sure, EMS, its controls.

    `less_chance` is a model's gain less chance on the item, where a study has measured it; else it
    is taken from the pair itself.
    """
    rows = [
        {
            "model": name,
            **{
                f"{side}_{what}": value
                for side in ("source", "target")
                for what, value in (
                    ("predicted", getattr(result, side).predicted),
                    ("probability", _probability(getattr(result, side))),
                )
            },
            "ems": result.ems,
            "gain": result.controls.gain,
            "gain_calibrated": less_chance.get(name, _less_chance(result.controls)),
            "ems_unrelated": result.controls.ems_unrelated,
            "p_value": result.controls.p_value,
        }
        for name, result in results.items()
    ]
    return pd.DataFrame(rows)


def _less_chance(controls: Controls) -> float | None:
    """The pair's gain less that of unrelated sentences."""
    gain, unrelated = controls.gain, controls.gain_unrelated
    return None if gain is None or unrelated is None else gain - unrelated


def _probability(side: Attribution) -> float | None:
    return side.prediction.get(side.predicted) if side.predicted is not None else None


def mean_best_cosine(result: PairResult) -> tuple[float, float]:
    """What a word of each side finds at best: the mean over its words of their highest cosine.

    Source words look along their row of the cosines, target words along their column.
    """
    similarity = result.similarity
    return float(similarity.max(1).mean()), float(similarity.max(0).mean())


def poorly_matched(result: PairResult) -> pd.DataFrame:
    """One row a word: the share of its mass that is moved to a poor partner, most mass first.

    A flow is poor for a word where its cosine lies below `usual_best` of the word's side.
    `poor_share` is the poor part of the word's own mass, `poor_mass` that part of the side's mass
    (its sum over a side is the side's poor mass, at most 1); `best` is the highest cosine of the
    word, `reached` the mean cosine of its flows, weighted by mass.
    """
    plan, similarity = result.plan.matrix, result.similarity
    limits = mean_best_cosine(result)
    rows = []
    for side, moved, cosines, limit in (
        ("source", plan, similarity, limits[0]),
        ("target", plan.T, similarity.T, limits[1]),
    ):
        mass = moved.sum(1)
        poor = np.where(cosines < limit, moved, 0.0).sum(1)
        reached = (moved * cosines).sum(1)
        other = "target" if side == "source" else "source"
        for index, unit in enumerate(getattr(result, side).units):
            has_mass = mass[index] > _TINY
            best = int(cosines[index].argmax())
            rows.append(
                {
                    "side": side,
                    "position": index,
                    "word": unit.text,
                    "mass": mass[index],
                    "poor_mass": poor[index],
                    "poor_share": poor[index] / mass[index] if has_mass else np.nan,
                    "reached": reached[index] / mass[index] if has_mass else np.nan,
                    "best": cosines[index, best],
                    "best_partner": getattr(result, other).units[best].text,
                }
            )
    return pd.DataFrame(rows).sort_values("poor_mass", ascending=False, kind="stable")


def link_parts(result: PairResult) -> pd.DataFrame:
    """One row a word link, what adds most first: `adds` is its mass times its cosine.

    Links are mutual: each word is the other's most similar one (docs/method.md, 4). The parts of
    all flows, linked or not, add up to EMS.
    """
    plan, similarity = result.plan.matrix, result.similarity
    rows = [
        {
            "source_position": i,
            "target_position": j,
            "source": result.source.units[i].text,
            "target": result.target.units[j].text,
            "mass": plan[i, j],
            "cosine": similarity[i, j],
            "adds": plan[i, j] * similarity[i, j],
        }
        for i, j in mutual_links(similarity)
    ]
    names = ["source_position", "target_position", "source", "target", "mass", "cosine", "adds"]
    table = pd.DataFrame(rows, columns=names)
    return table.sort_values(["adds", "cosine"], ascending=False, kind="stable")


_COMPARED = ("ems", *(key for key in PAIR_CONTROLS if key not in ("shuffled_sd", "z")))


def differences(first: PairResult, second: PairResult) -> pd.DataFrame:
    """One row a measure, EMS and its controls: both values and second minus first.

    NaN where a measure can't be computed for one of them.
    """
    values = [{"ems": result.ems, **result.controls.as_dict()} for result in (first, second)]
    table = pd.DataFrame({"measure": list(_COMPARED)})
    for name, measured in zip(("first", "second"), values, strict=True):
        table[name] = [np.nan if measured[key] is None else measured[key] for key in _COMPARED]
    table["difference"] = table["second"] - table["first"]
    return table


def both_predictions(first: PairResult, second: PairResult) -> pd.DataFrame:
    """One row a side: what either predicts there, and how likely it finds it.

    None and NaN where a head gives scores.
    """
    rows = []
    for side in ("source", "target"):
        before, after = getattr(first, side), getattr(second, side)
        rows.append(
            {
                "side": side,
                "first": before.predicted,
                "first_probability": np.nan if before.confidence is None else before.confidence,
                "second": after.predicted,
                "second_probability": np.nan if after.confidence is None else after.confidence,
            }
        )
    return pd.DataFrame(rows)


def mass_changes(first: PairResult, second: PairResult) -> pd.DataFrame:
    """One row a word that both read as one: its mass in either and the change, largest first.

    Words are the same where they have the same place in the text: tokenizers may cut otherwise.
    """
    rows = []
    for side in ("source", "target"):
        before = _masses_by_place(getattr(first, side), getattr(first, f"{side}_mass"))
        after = _masses_by_place(getattr(second, side), getattr(second, f"{side}_mass"))
        for place, (word, mass) in before.items():
            if place in after:
                change = after[place][1] - mass
                rows.append((side, place[0] + 1, word, mass, after[place][1], change))
    names = ["side", "text", "word", "first", "second", "change"]
    table = pd.DataFrame(rows, columns=names)
    order = table["change"].abs().sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)


def moved_mass(changes: pd.DataFrame, side: str) -> float:
    """How much of a side's mass lies on other words: half the sum of the changes, at most 1."""
    return float(changes.loc[changes["side"] == side, "change"].abs().sum() / 2)


def _masses_by_place(
    side: Attribution, mass: np.ndarray
) -> dict[tuple[int, int, int], tuple[str, float]]:
    return {
        (unit.segment, unit.start, unit.end): (unit.text, float(share))
        for unit, share in zip(side.units, mass, strict=True)
    }


def layer_table(results: Mapping[int, PairResult]) -> pd.DataFrame:
    """One row a layer, in order: EMS, embeddings only, shuffled (mean, standard deviation), p.

    `claim` is what may be said of the layer (report.verdict). NaN where nothing was shuffled.
    """
    rows = [
        {
            "layer": layer,
            "ems": result.ems,
            "uniform": _nan_if_none(result.controls.ems_uniform),
            "shuffled": _nan_if_none(result.controls.ems_shuffled),
            "shuffled_sd": _nan_if_none(result.controls.shuffled_sd),
            "p": _nan_if_none(result.controls.p_value),
            "unrelated": _nan_if_none(result.controls.ems_unrelated),
            "claim": result.claim,
        }
        for layer, result in sorted(results.items())
    ]
    names = ["layer", "ems", "uniform", "shuffled", "shuffled_sd", "p", "unrelated", "claim"]
    return pd.DataFrame(rows, columns=names)


def curves_table(curves: PairCurves) -> pd.DataFrame:
    """One row a text and step: units removed, the probability that is left in each order.

    `word` is the last unit that went with the largest mass first, empty at the first step; `random`
    is the mean of the random orders, `random_low` and `random_high` their range.
    """
    tables = []
    for side, of_side in (("source", curves.source), ("target", curves.target)):
        table = pd.DataFrame({"removed": of_side.removed})
        table.insert(0, "side", side)
        table.insert(1, "lang", of_side.lang)
        table["word"] = [of_side.order[gone - 1] if gone else "" for gone in of_side.removed]
        table["explained"] = of_side.explained
        table["replaced_by"] = curves.replacement
        table["largest_mass_first"] = of_side.largest_first
        table["smallest_mass_first"] = of_side.smallest_first
        table["random"] = of_side.random.mean(0)
        table["random_low"] = of_side.random.min(0)
        table["random_high"] = of_side.random.max(0)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def walk_sentence(table: pd.DataFrame, total: int) -> str:
    """What the layers say together; how many of them are known."""
    n_measured = len(table)
    if not n_measured:
        return f"No layer of {total} is measured yet."
    best = table.loc[table["ems"].idxmax()]
    text = f"EMS is highest at layer {best.layer:.0f} ({number(best.ems)})"
    if n_measured == 1:
        where = f"EMS is {number(best.ems)} at layer {best.layer:.0f}"
        return f"{where}; 1 of {count(total, 'layer')} is measured."
    low = table.loc[table["ems"].idxmin()]
    text += f" and lowest at layer {low.layer:.0f} ({number(low.ems)})"
    tested = table.dropna(subset=["p"])
    if len(tested):
        shown = int((tested["claim"] == "shown").sum())
        text += (
            f"; agreement beyond the controls shown at {shown} of {len(tested)} "
            f"(p at most {ALPHA}, each alone)"
        )
    measured = "" if n_measured == total else f"; {n_measured} of {total} layers are measured"
    return f"{text}{measured}."


def _nan_if_none(value: float | None) -> float:
    return np.nan if value is None else value
