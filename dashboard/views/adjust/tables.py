"""The page's tables as its picture reads them: frames a checkpoint, marks a seed."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from ccta_core.adjustment.changes import Tables
from ccta_core.adjustment.summary import (
    ARMS,
    NOT_RUN,
    PLACEBO_OF,
    TASK_NAMES,
    Marks,
    arm_marks,
    arm_states,
    difference_marks,
    scored_languages,
    usual_checkpoints,
)
from ccta_core.adjustment.tables import CONTRASTS
from ccta_core.languages import language
from ccta_core.result import PairResult

_KINDS = ("cosine", "l2")
_FILMED = ("adjusted", "placebo")
_DIGITS = 5


def steps_of(tables: Tables, lang: str) -> list[int]:
    """The measured steps of a language's adjustments, ascending."""
    probe = tables["probe"]
    if not len(probe):
        return []
    return sorted({int(step) for step in probe[(probe["lang"] == lang) & probe["usual"]]["step"]})


def layers_of(tables: Tables, lang: str) -> list[int]:
    """The measured layers of a language."""
    layers: set[int] = set()
    for name in ("probe", "distances"):
        table = tables[name]
        if len(table):
            layers |= {int(layer) for layer in table[table["lang"] == lang]["layer"].unique()}
    return sorted(layers)


def film(tables: Tables, lang: str, task: str) -> dict[str, Any]:
    """Every frame of a language: of each arm its measured steps and, by layer, its distances.

    Arms that were not measured are None. `after` has what was measured after the task's training.
    """
    films: dict[str, Any] = dict.fromkeys(ARMS)
    for arm in _FILMED:
        rows = usual_checkpoints(tables, lang, arm)
        if len(rows):
            films[arm] = _frames(rows)
    first = films["adjusted"] or films["placebo"]
    if first is not None:
        films["original"] = first | {"steps": first["steps"][:1], "rows": first["rows"][:1]}
    after = _after(tables, lang, task)
    for arm in ("continual", "continual-placebo"):
        if arm in after:
            films[arm] = {"steps": [], "seed": None, "seeds": 0, "rows": [after[arm]]}
    return {"films": films, "after": after, "layers": layers_of(tables, lang)}


def scores(tables: Tables, lang: str, task: str) -> dict[str, Any]:
    """The arms' marks in every language scored, in points, and what a row and a column are."""
    metric = tables["scores"]
    rows = metric[metric["task"] == task] if len(metric) else metric
    name = str(rows["metric"].iloc[0]) if len(rows) else ""
    return {
        "metric": {"f1": "F1"}.get(name, name) or "score",
        "columns": [_column(lang, code) for code in scored_languages(tables, lang, task)],
        "score": {
            "rows": [_row(arm, "") for arm in ARMS],
            "marks": _by_place(arm_marks(tables, lang, task)),
        },
        "difference": {
            "rows": [_row(*names) for names in CONTRASTS],
            "marks": _by_place(difference_marks(tables, lang, task)),
        },
    }


def payload(tables: Tables, lang: str, task: str) -> dict[str, Any]:
    """All that the picture draws of a language and a task, whatever is chosen in it."""
    states = arm_states(tables, lang, task)
    return {
        "key": f"{lang}/{task}",
        "language": language(lang).name,
        "task": TASK_NAMES.get(task, task),
        "arms": [
            {"key": arm, "name": arm.replace("-", " "), "state": states[arm],
             "placebo": "" if arm == "placebo" else PLACEBO_OF.get(arm, "placebo")}
            for arm in ARMS
        ],
        "notRun": NOT_RUN,
        "film": film(tables, lang, task),
        "scores": scores(tables, lang, task),
    }  # fmt: skip


def checkpoint_table(tables: Tables, lang: str) -> pd.DataFrame:
    """The checkpoints of a language without their histograms, for a file."""
    probe = tables["probe"]
    if not len(probe):
        return probe
    rows = probe[(probe["lang"] == lang) & probe["usual"]]
    return rows.drop(columns=[name for name in rows if str(name).startswith("histogram_")])


def marks_table(tables: Tables, lang: str, task: str) -> pd.DataFrame:
    """The scores and paired differences as the picture shows them, a row a seed, for a file."""
    return pd.DataFrame(
        [
            {"arm": mark.arm, "reference": mark.reference, "scored_in": mark.eval_lang,
             "seed": seed, "value": value, "n": mark.n}
            for mark in (*arm_marks(tables, lang, task), *difference_marks(tables, lang, task))
            for seed, value in zip(mark.seeds, mark.values, strict=True)
        ],
        columns=["arm", "reference", "scored_in", "seed", "value", "n"],
    )  # fmt: skip


def _frames(rows: pd.DataFrame) -> dict[str, Any]:
    """The frames of the first seed: rows[step][layer]."""
    seeds = sorted(rows["seed"].unique())
    first = rows[rows["seed"] == seeds[0]]
    steps = sorted(first["step"].unique())
    by_place = {(row["step"], row["layer"]): row for row in first.to_dict("records")}
    layers = sorted(first["layer"].unique())
    return {
        "steps": [int(step) for step in steps],
        "seed": int(seeds[0]),
        "seeds": len(seeds),
        "rows": [[_frame(by_place[step, layer]) for layer in layers] for step in steps],
    }


def _frame(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "links": int(row["links"]),
        "loss": round(float(row["held_loss"]), _DIGITS),
        "retrieval": round(float(row["retrieval_to_english"]), _DIGITS),
        **{
            kind: {
                **{
                    name: round(float(row[f"{name}_{kind}"]), _DIGITS)
                    for name in ("auc", "overlap", "related", "unrelated", "edge")
                },
                "histograms": _histograms(row, f"_{kind}"),
            }
            for kind in _KINDS
        },
    }


def _after(tables: Tables, lang: str, task: str) -> dict[str, list[dict[str, Any]]]:
    """What was measured of the task's models: of each arm a frame a layer, of its first seed."""
    table = tables["distances"]
    if not len(table):
        return {}
    rows = table[(table["lang"] == lang) & (table["task"] == task) & table["usual"]]
    by_arm = {}
    for arm, each in rows.groupby("arm"):
        first = each[each["seed"] == each["seed"].min()]
        frames: dict[int, dict[str, Any]] = {}
        for row in first.to_dict("records"):
            frame = frames.setdefault(int(row["layer"]), {"links": int(row["links"])})
            frame[row["distance"]] = {
                **{name: round(float(row[name]), _DIGITS)
                   for name in ("auc", "overlap", "related", "unrelated", "edge")},
                "histograms": _histograms(row, ""),
            }  # fmt: skip
        by_arm[str(arm)] = [frames[layer] for layer in sorted(frames)]
    return by_arm


def _histograms(row: Mapping[str, Any], suffix: str) -> list[list[int]] | None:
    pair = [row.get(f"histogram_{which}{suffix}") for which in ("related", "unrelated")]
    if any(counts is None or isinstance(counts, float) for counts in pair):
        return None
    return [[int(count) for count in counts] for counts in pair if counts is not None]


def _row(arm: str, reference: str) -> dict[str, str]:
    name = arm.replace("-", " ")
    less = f" − {reference.replace('-', ' ')}" if reference else ""
    return {"key": f"{arm}|{reference}", "arm": arm, "name": name + less}


def _column(lang: str, code: str) -> dict[str, str]:
    if ">" in code:
        name = f"{language(code.partition('>')[0]).name} on English"
        return {"key": code, "name": name, "role": "across"}
    role = {lang: "adjusted for", "en": "trained in"}.get(code, "unseen")
    return {"key": code, "name": language(code).name, "role": role}


def _by_place(marks: Iterable[Marks]) -> dict[str, Any]:
    """Marks by "arm|reference|language", in points."""

    def points(value: float | None) -> float | None:
        # One digit is shown: of two kept, that would be a number rounded twice.
        return None if value is None else round(100 * value, _DIGITS)

    return {
        f"{mark.arm}|{mark.reference}|{mark.eval_lang}": {
            "seeds": list(mark.seeds),
            "values": [points(value) for value in mark.values],
            "mean": points(mark.mean),
            "low": points(mark.low),
            "high": points(mark.high),
            "n": mark.n,
        }
        for mark in marks
    }


def arm_table(measured: Mapping[str, PairResult]) -> pd.DataFrame:
    """What every arm makes of a demo item, a row an arm that was run, for a file."""
    return pd.DataFrame(
        [
            {"arm": arm, "model": each.model, "explained": each.target_class,
             "prediction_source": each.source.predicted, "prediction_target": each.target.predicted,
             "ems": each.ems, "chance_level": each.chance_level, **each.controls.as_dict()}
            for arm, each in measured.items()
        ]
    )  # fmt: skip
