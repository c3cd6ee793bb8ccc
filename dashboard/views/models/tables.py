"""Models, their scores and the data sets as tables; no Streamlit."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from ccta_core.corpus.catalogue import DataSet
from ccta_core.languages import LANGUAGES, language
from ccta_core.models.added import size_of
from ccta_core.models.catalog import ModelInfo
from ccta_core.text import count

_ZOO = (
    "model", "task", "training_language", "metric", "mean", "low", "high", "languages", "majority",
    "megabytes", "licence",
)  # fmt: skip
_SCORES = ("lang", "language", "score", "low", "high", "majority", "n")
_WEIGHTS = "weights: "


def zoo_table(models: Iterable[ModelInfo]) -> pd.DataFrame:
    """One row a model: its mean score over the languages of its card, from `low` to `high`.

    The interval is as wide as it can be: the languages' items are translations of each other, so
    their scores move together, and the ends of the mean's interval are the means of the ends.
    """
    return pd.DataFrame([_model_row(info) for info in models], columns=list(_ZOO))


def score_table(info: ModelInfo) -> pd.DataFrame:
    """One row a language of the card, best first: score, 95% interval, majority, n; else NaN."""
    metric = metric_of(info)
    rows = [
        (
            lang, language(lang).name if lang in LANGUAGES else lang, score[metric],
            score.get("low", np.nan), score.get("high", np.nan),
            score.get("majority", info.card.get("majority", np.nan)), score["n"],
        )
        for lang, score in info.card.get("scores", {}).items()
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=list(_SCORES))
    return table.sort_values("score", ascending=False, kind="stable", ignore_index=True)


def card_scores(models: Iterable[ModelInfo]) -> pd.DataFrame:
    """One row a model and language of its card: model, task, metric and what `score_table` has."""
    parts = [
        score_table(info).assign(model=info.id, task=info.task, metric=_metric_in_words(info))
        for info in models
        if info.card.get("scores")
    ]
    columns = ["model", "task", "metric", *_SCORES]
    if not parts:
        return pd.DataFrame(columns=columns)
    table = pd.concat(parts, ignore_index=True)[columns]
    often = table.groupby("task")["model"].transform("nunique")  # the task of most models first
    return table.iloc[np.lexsort((table["task"], -often))].reset_index(drop=True)


def heatmap_finding(scores: pd.DataFrame) -> str:
    """What the scores of several models show first: the language that is read worst by most."""
    task = scores["task"].value_counts().index[0]
    scores = scores[scores["task"] == task]
    models = scores["model"].nunique()
    if models < 2 or scores["language"].nunique() < 2:
        return ""
    weakest = scores.loc[scores.groupby("model")["score"].idxmin(), "language"].value_counts()
    best = scores.groupby("model")["score"].mean().sort_values(ascending=False)
    return (
        f"{best.index[0]} has the best mean of {count(models, 'model')} ({best.iloc[0]:.2f}); "
        f"{weakest.index[0]} is the weakest language of {weakest.iloc[0]} of them."
    )


def metric_of(info: ModelInfo) -> str:
    """What the card's scores are: accuracy or F1, by its key."""
    return str(info.card.get("metric", "accuracy"))


def metric_name(metric: str) -> str:
    """A metric as people write it."""
    return "F1" if metric == "f1" else metric


def finding(table: pd.DataFrame) -> str:
    """What the scores show first: the best language, the weakest, and how the majority compares."""
    if table.empty:
        return "No scores are known."
    best, worst = table.iloc[0], table.iloc[-1]
    if len(table) == 1:
        return f"{best['language']}: {best['score']:.2f}."
    text = (
        f"Best in {best['language']} ({best['score']:.2f}), weakest in {worst['language']} "
        f"({worst['score']:.2f})"
    )
    baseline = table.dropna(subset=["majority"])
    if baseline.empty:
        return f"{text}."
    lower = baseline["low"].fillna(baseline["score"])
    under = baseline[lower <= baseline["majority"]]
    if under.empty:
        return f"{text}; in every language above the majority baseline."
    named = ", ".join(under["language"])
    return f"{text}; not clearly above the majority baseline in {named}."


def data_table(sets: Iterable[DataSet], counts: Mapping[str, Mapping[str, int]]) -> pd.DataFrame:
    """One row a data set: task, languages that are here, items of each split, licence."""
    rows = [
        (
            data_set.name, data_set.what, data_set.task, " ".join(data_set.languages),
            len(data_set.languages), _items(counts.get(data_set.name, {})),
            data_set.licence, data_set.present,
        )
        for data_set in sets
    ]  # fmt: skip
    names = ("name", "what", "task", "codes", "languages", "items", "licence", "present")
    return pd.DataFrame(rows, columns=list(names))


def _model_row(info: ModelInfo) -> tuple[object, ...]:
    scores = score_table(info)
    return (
        info.id, info.task, _training_language(info), _metric_in_words(info) if len(scores) else "",
        *(scores[name].mean() if len(scores) else np.nan for name in ("score", "low", "high")),
        len(scores), scores["majority"].mean(), size_of(info) / 1e6,
        str(info.card.get("licence") or "").removeprefix(_WEIGHTS).partition(";")[0],
    )  # fmt: skip


def _metric_in_words(info: ModelInfo) -> str:
    return "retrieval" if info.task == "backbone" else metric_name(metric_of(info))


def _training_language(info: ModelInfo) -> str:
    """The training language's code, "several", or nothing where the card tells of none."""
    several = len(info.card.get("training_languages", ())) > 1
    return info.training_language or ("several" if several else "")


def _items(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{split} {n:,}".strip() for split, n in counts.items())
