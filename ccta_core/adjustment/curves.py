"""Curves of one adjusted language: by layer, by dose and noise, and the consistency of its arms."""

import pandas as pd

from ccta_core.adjustment.changes import JOINED, Tables, moved
from ccta_core.adjustment.summary import NOT_RUN, usual_checkpoints
from ccta_core.text import count, listing, number

BEFORE = "original"
LAYER_COLUMNS = ("arm", "layer", "measure", "value", "seeds")
_PROBED = {
    "auc": "auc_{}", "related": "related_{}", "unrelated": "unrelated_{}",
    "retrieval": "retrieval_to_english",
}  # fmt: skip
_CONTRASTED = (
    "arm", "reference", "seeds", "layer", "measure", "difference", "low", "high", "detectable", "n",
)  # fmt: skip
_MEASURED = ("auc", "related", "unrelated")


def by_layer(tables: Tables, lang: str, task: str, distance: str) -> pd.DataFrame:
    """Returns measures of word distances and retrieval, a row an arm, layer and measure.

    Means over seeds; arms as they stand at the end of their steps, "original" before the first. A
    task's models, where they were measured, are arms named "ARM, after the task". `measure` is auc,
    related, unrelated (distances), retrieval (held-out pairs to English, by mean of all tokens) or
    mexa. Columns: LAYER_COLUMNS.
    """
    parts = [_probed(tables, lang, distance), _measured(tables, lang, task, distance)]
    parts.append(_mexa(tables, lang))
    whole = [part for part in parts if len(part)]
    return pd.concat(whole, ignore_index=True) if whole else pd.DataFrame(columns=LAYER_COLUMNS)


def layer_finding(table: pd.DataFrame) -> str:
    """Returns where related words are told from unrelated ones best, arm by arm, in a sentence."""
    auc = table[table["measure"] == "auc"] if len(table) else table
    if len(auc):
        auc = auc[~auc["arm"].str.contains(",")]
    if not len(auc):
        return f"AUC by layer: {NOT_RUN}."
    best = auc.loc[auc.groupby("arm", sort=False)["value"].idxmax()]
    parts = [
        f"{row.arm} at layer {row.layer} ({number(float(row.value), 3)})"
        for row in best.itertuples()
    ]
    return f"Related words are told from unrelated ones best: {listing(parts)}."


def consistency_finding(table: pd.DataFrame) -> str:
    """Returns how EMS, gain and gain less chance of the adjusted arm differ from the others', in a
    sentence each.
    """
    if not len(table):
        return f"Consistency of attributions, arm against arm: {NOT_RUN}."
    parts = []
    adjusted = table[table["arm"] == "adjusted"]
    for (reference, seeds), rows in adjusted.groupby(["reference", "seeds"]):
        told = moved(rows, resolution=False)
        parts.append(f"Adjusted less {reference}, {count(int(seeds), 'seed')}: {told}.")
    return " ".join(parts)


def dial(tables: Tables, lang: str, task: str) -> pd.DataFrame:
    """Returns what was measured with the alignment scaled under a task's model, a row a scale.

    Columns: scale (0 to 1.5), score, auc, ems, above_chance, n (items), links, pairs; empty where
    nothing was run.
    """
    table = tables.get("dial", pd.DataFrame())
    if not len(table):
        return table
    rows = table[
        (table["lang"] == lang) & (table["task"] == task) & (table["arm"] == "adjusted")
    ].sort_values("scale")
    return rows.assign(above_chance=rows["ems"] - rows["chance"]).reset_index(drop=True)


def dial_finding(table: pd.DataFrame) -> str:
    """Returns score, AUC and EMS without the alignment and with it, and how exact a score is.

    No scale is called the best: that would be noise.
    """
    if not len(table):
        return f"The alignment scaled under a task's model: {NOT_RUN}."
    parts = []
    for name, column in (("score", "score"), ("AUC", "auc"), ("EMS less chance", "above_chance")):
        by_scale = table.set_index("scale")[column]
        ends = [
            f"{number(float(by_scale[scale]), 3)} at {scale:g}"
            for scale in (0.0, 1.0)
            if scale in by_scale.index
        ]
        parts.append(f"{name} {listing(ends)}")
    share, n = float(table["score"].mean()), int(table["n"].min())
    reach = 1.96 * (share * (1 - share) / n) ** 0.5
    text = (
        f"{'; '.join(parts)}. {len(table)} scales measured; with {count(n, 'item')} one score is "
        f"known to about ±{100 * reach:.0f} points (95%)."
    )
    return text[:1].upper() + text[1:]


def doses(tables: Tables, lang: str, task: str) -> pd.DataFrame:
    """Returns AUC (cosine, last layer) and the task's score by pairs learnt and share of noise.

    Columns: pairs (-1 all, 0 none), noise, seed, measure (auc or score), value.
    """
    rows = []
    probe = tables["probe"]
    if len(probe):
        chosen = probe[(probe["lang"] == lang) & (probe["arm"] == "adjusted")]
        chosen = chosen[chosen["layer"] == chosen["layer"].max()]
        last = chosen[chosen["step"] == chosen.groupby("model")["step"].transform("max")]
        rows.append(_dose_rows(last, "auc", "auc_cosine"))
    scores = tables["scores"]
    if len(scores):
        arms = scores["arm"].isin(["original", "adjusted"]) & scores["lang"].isin(["", lang])
        chosen = scores[(scores["task"] == task) & (scores["eval_lang"] == lang) & arms]
        rows.append(_dose_rows(chosen, "score", "score"))
    filled = [part for part in rows if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()


def consistency(tables: Tables, lang: str) -> pd.DataFrame:
    """Returns how EMS and gain of an arm changed from those of another over all seeds' studies.

    Columns: arm, reference, seeds, layer, measure, difference, low, high, detectable, n. Empty
    where no study was run.
    """
    table = tables["consistency_contrasts"]
    if not len(table):
        return pd.DataFrame()
    rows = table[(table["lang"] == lang) & table["measure"].isin(JOINED)]
    return rows[list(_CONTRASTED)].reset_index(drop=True)


def _probed(tables: Tables, lang: str, distance: str) -> pd.DataFrame:
    parts: list[pd.DataFrame] = []
    for arm in ("adjusted", "placebo"):
        rows = usual_checkpoints(tables, lang, arm)
        if not len(rows):
            continue
        steps = rows.groupby("seed")["step"]
        if not parts:
            parts.append(_long(rows[rows["step"] == steps.transform("min")], BEFORE, distance))
        parts.append(_long(rows[rows["step"] == steps.transform("max")], arm, distance))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _long(rows: pd.DataFrame, arm: str, distance: str) -> pd.DataFrame:
    named = {column.format(distance): measure for measure, column in _PROBED.items()}
    table = rows[["layer", *named]].rename(columns=named)
    return _means(table.melt("layer", var_name="measure", value_name="value"), arm)


def _measured(tables: Tables, lang: str, task: str, distance: str) -> pd.DataFrame:
    table = tables["distances"]
    if not len(table):
        return pd.DataFrame()
    rows = table[
        (table["lang"] == lang) & (table["task"] == task) & table["usual"]
        & (table["distance"] == distance)
    ]  # fmt: skip
    parts = [
        _means(each[["layer", *_MEASURED]].melt("layer", var_name="measure", value_name="value"),
               f"{arm}, after the task")
        for arm, each in rows.groupby("arm")
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _mexa(tables: Tables, lang: str) -> pd.DataFrame:
    table = tables["sentences"]
    if not len(table):
        return pd.DataFrame()
    rows = table[
        (table["lang"] == lang) & (table["lang_of_set"] == lang) & (table["task"] == "")
        & table["usual"] & ~table["specials"]
    ]  # fmt: skip
    kept = "flores" if (rows["set"] == "flores").any() else "tatoeba"
    parts = [
        _means(each[["layer", "mexa"]].melt("layer", var_name="measure", value_name="value"), arm)
        for arm, each in rows[rows["set"] == kept].groupby("arm")
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _means(long: pd.DataFrame, arm: object) -> pd.DataFrame:
    grouped = long.groupby(["layer", "measure"])["value"].agg(["mean", "size"]).reset_index()
    table = grouped.rename(columns={"mean": "value", "size": "seeds"})
    table.insert(0, "arm", str(arm))
    return table[list(LAYER_COLUMNS)]


def _dose_rows(rows: pd.DataFrame, measure: str, column: str) -> pd.DataFrame:
    table = rows[["pairs", "noise", "seed", column]].rename(columns={column: "value"})
    table.insert(3, "measure", measure)
    return table.sort_values(["noise", "pairs", "seed"], ignore_index=True)
