"""What the tables say of one adjusted language and one task: a sentence, scores, changed items."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from scipy.stats import t as student

from ccta_core.adjustment.changes import TASK_NAMES, Change, Tables, change_of, hardly_learnt
from ccta_core.languages import language
from ccta_core.text import count, number, p_phrase, signed

ARMS = ("original", "adjusted", "placebo", "continual", "continual-placebo")
PLACEBO_OF = {"continual": "continual-placebo", "continual-placebo": "continual-placebo"}
"""What an arm is held against to see the alignment alone; of all others the placebo."""
NOT_RUN = "not run"
LEAST_SEEDS = 5
"""Below this number of seeds their dots stand alone: an interval would promise too much."""
_ENOUGH_SEEDS = 3
"""Below this number nothing is called shown."""
_ALPHA = 0.05
_LEAST_MOVE = 0.01
"""Of AUC: half its interval over the held-out links of a language; a smaller move is not told."""


@dataclass(frozen=True, slots=True)
class Marks:
    """The seeds of an arm in one language: score, or difference to a reference, as shares of 1.

    `low` and `high` are a 95% interval over seeds, None below LEAST_SEEDS. `reference` is "" for a
    score.
    """

    arm: str
    reference: str
    eval_lang: str
    seeds: tuple[int, ...]
    values: tuple[float, ...]
    mean: float
    low: float | None
    high: float | None
    n: int
    """Items."""


@dataclass(frozen=True, slots=True, eq=False)
class ChangedItems:
    """Items on which two arms of one seed differ, and McNemar's exact p that neither is better.

    `fixed` are right in the arm alone, `broken` in the reference alone; `flips` are all whose
    predicted label is another one. Columns of each: id, gold, predicted, predicted_reference
    (labels are "" for answers and tags, of which no flips are known).
    """

    seed: int
    fixed: pd.DataFrame
    broken: pd.DataFrame
    flips: pd.DataFrame
    both_right: int
    both_wrong: int
    p: float


def adjusted_languages(tables: Tables) -> list[str]:
    """Returns the languages of the plan's adjustments, in the plan's order."""
    return [str(lang) for lang in tables["runs"]["lang"].unique() if lang]


def tasks(tables: Tables) -> list[str]:
    """Returns the tasks of the plan, in the plan's order."""
    return [str(task) for task in tables["runs"]["task"].unique() if task]


def arm_states(tables: Tables, lang: str, task: str) -> dict[str, str]:
    """Returns of every arm how many of its trainings in the task are finished, in words."""
    runs = tables["runs"]
    rows = runs[(runs["task"] == task) & runs["usual"] & (runs["kind"] == "train")]
    rows = rows[rows["lang"].isin(["", lang])]
    return {arm: _state(list(rows[rows["arm"] == arm]["state"])) for arm in ARMS}


def most_harmed(tables: Tables, task: str) -> str | None:
    """Returns the language that adjusting harmed most in a task, among those that were run and
    whose models learnt the task.

    Where no score was compared, the first whose distances were measured; None where none was.
    """
    changes = [
        difference
        for lang in adjusted_languages(tables)
        if (difference := change(tables, lang, task, ("adjusted", "original"), lang)) is not None
    ]
    # What hardly learnt the task shows a training that failed, and no harm of adjusting.
    learnt = [each for each in changes if not hardly_learnt(tables, each.lang, task)]
    if changes := learnt or changes:
        return min(changes, key=lambda each: each.difference).lang
    probe = tables["probe"]
    measured = set(probe["lang"]) if len(probe) else set()
    return next((lang for lang in adjusted_languages(tables) if lang in measured), None)


def change(
    tables: Tables, lang: str, task: str, arms: tuple[str, str], eval_lang: str
) -> Change | None:
    """Returns the first arm's score less the second's in `eval_lang`; None where one was not run.

    Of paired items where they were kept, else of the scores of common seeds, without interval.
    """
    (arm, reference), contrasts = arms, tables["contrasts"]
    if len(contrasts):
        rows = contrasts[
            (contrasts["task"] == task) & (contrasts["lang"] == lang) & (contrasts["arm"] == arm)
            & (contrasts["reference"] == reference) & (contrasts["eval_lang"] == eval_lang)
        ]  # fmt: skip
        for row in rows.itertuples():
            return change_of(row._asdict(), eval_lang)
    scores = _scores(tables, lang, task)
    first, second = (
        rows.set_index("seed")["score"]
        for name in (arm, reference)
        for rows in [scores[(scores["arm"] == name) & (scores["eval_lang"] == eval_lang)]]
    )
    seeds = first.index.intersection(second.index)
    if not len(seeds):
        return None
    difference = float((first.loc[seeds] - second.loc[seeds]).mean())
    return Change(eval_lang, reference, difference, None, None, len(seeds), None)


def sentence(tables: Tables, lang: str, task: str, arm: str = "adjusted") -> str:
    """Returns what an arm did to word distances and to a task's score, the placebo beside both."""
    shown = arm if arm.startswith("continual") else "adjusted"
    words = _words_moved(tables, lang) if shown == "adjusted" else _after_training(tables, lang)
    return f"{words}; {_score_moved(tables, lang, task, shown)}."


def arm_marks(tables: Tables, lang: str, task: str) -> list[Marks]:
    """Returns the scores of every arm, a mark a seed, by arm and language scored."""
    scores = _scores(tables, lang, task)
    marks = []
    for (arm, eval_lang), rows in scores.groupby(["arm", "eval_lang"]):
        rows = rows.sort_values("seed")
        ends = _seed_interval(rows["score"].to_numpy(float))
        marks.append(_marks((str(arm), "", str(eval_lang)), rows, "score", ends))
    return marks


def difference_marks(tables: Tables, lang: str, task: str) -> list[Marks]:
    """Returns the paired differences of every arm and reference, a mark a seed."""
    paired, contrasts = tables["paired"], tables["contrasts"]
    if not len(paired):
        return []
    keys = ["arm", "reference", "eval_lang"]
    rows = paired[(paired["task"] == task) & (paired["lang"] == lang)]
    over = contrasts[(contrasts["task"] == task) & (contrasts["lang"] == lang)].set_index(keys)
    marks = []
    for key, each in rows.groupby(keys):
        whole = over.loc[key]
        enough = len(each) >= LEAST_SEEDS
        ends = (float(whole["low"]), float(whole["high"])) if enough else (None, None)
        names = (str(key[0]), str(key[1]), str(key[2]))
        marks.append(_marks(names, each.sort_values("seed"), "difference", ends))
    return marks


def scored_languages(tables: Tables, lang: str, task: str) -> list[str]:
    """Returns what the page scores in: the language, English, across languages, unseen ones."""
    present = {mark.eval_lang for mark in (*arm_marks(tables, lang, task),
                                           *difference_marks(tables, lang, task))}  # fmt: skip
    others = present - {lang, "en", *adjusted_languages(tables)}
    crossed = sorted(name for name in others if name.startswith(f"{lang}>"))
    unseen = sorted((name for name in others if ">" not in name), key=lambda x: language(x).name)
    return [lang, "en", *crossed, *unseen]


def arm_model(tables: Tables, lang: str, task: str, arm: str, seed: int) -> str:
    """Returns the id of an arm's model in a task, by the plan; "" where none was planned."""
    runs = tables["runs"]
    rows = runs[
        (runs["kind"] == "train") & (runs["task"] == task) & (runs["arm"] == arm) & runs["usual"]
        & (runs["seed"] == seed) & runs["lang"].isin(["", lang])
    ]  # fmt: skip
    return str(rows["id"].iloc[0]) if len(rows) else ""


def join_study(tables: Tables, lang: str, seed: int) -> str:
    """Returns the name of the study of a language's arms of one seed; "" where none was planned."""
    runs = tables["runs"]
    rows = runs[(runs["kind"] == "study") & (runs["lang"] == lang) & (runs["seed"] == seed)]
    return str(rows["id"].iloc[0]).removeprefix("study/") if len(rows) else ""


def changed_items(items: pd.DataFrame, arm: str, reference: str) -> ChangedItems | None:
    """Returns what an arm fixed and broke against its reference, of the first seed of both.

    `items` as `read_items` gives them. None where no seed has both.
    """
    if not len(items):
        return None
    first, second = (items[items["arm"] == name] for name in (arm, reference))
    seeds = sorted(set(first["seed"]) & set(second["seed"]))
    if not seeds:
        return None
    seed = int(seeds[0])
    both = first[first["seed"] == seed].merge(
        second[second["seed"] == seed], on="id", suffixes=("", "_reference"), validate="1:1"
    )
    right, before = both["correct"].to_numpy(bool), both["correct_reference"].to_numpy(bool)
    columns = ["id", "gold", "predicted", "predicted_reference"]
    flipped = (both["predicted"] != both["predicted_reference"]).to_numpy(bool)
    fixed, broken, flips = (
        both[mask][columns].reset_index(drop=True)
        for mask in (right & ~before, before & ~right, flipped)
    )
    differing = len(fixed) + len(broken)
    return ChangedItems(
        seed=seed,
        fixed=fixed,
        broken=broken,
        flips=flips,
        both_right=int((right & before).sum()),
        both_wrong=int((~right & ~before).sum()),
        p=float(binomtest(len(fixed), differing).pvalue) if differing else 1.0,
    )


def changed_sentence(changed: ChangedItems, arm: str, reference: str, lang: str) -> str:
    """Returns what an arm fixed and broke in a language, in one sentence."""
    fixed, broken = len(changed.fixed), len(changed.broken)
    if changed.p < _ALPHA:
        judged = "better" if fixed > broken else "worse"
        judged = f"{judged} than the {reference}"
    else:
        judged = "not shown to differ"
    return (
        f"The {arm} model fixed {count(fixed, 'item')} in {language(lang).name} and broke "
        f"{count(broken, 'item')} that the {reference} had right (exact McNemar "
        f"{p_phrase(changed.p)}, seed {changed.seed}): {judged}."
    )


def auc_change(tables: Tables, lang: str, arm: str) -> tuple[float, float] | None:
    """Returns AUC (cosine, last layer) before and after an arm's steps, a mean over seeds."""
    rows = _last_layer(tables, lang, arm)
    return _ends(rows, "auc_cosine") if len(rows) else None


def usual_checkpoints(tables: Tables, lang: str, arm: str) -> pd.DataFrame:
    """Returns the checkpoints of an arm's adjustments at the language's usual dose."""
    probe = tables["probe"]
    if not len(probe):
        return probe
    return probe[(probe["lang"] == lang) & (probe["arm"] == arm) & probe["usual"]]


def _last_layer(tables: Tables, lang: str, arm: str) -> pd.DataFrame:
    rows = usual_checkpoints(tables, lang, arm)
    return rows[rows["layer"] == rows["layer"].max()] if len(rows) else rows


def _ends(rows: pd.DataFrame, column: str) -> tuple[float, float]:
    """A column at the first and the last step, means over seeds."""
    steps = rows.groupby("seed")["step"]
    first, last = (
        float(rows[rows["step"] == end][column].mean())
        for end in (steps.transform("min"), steps.transform("max"))
    )
    return first, last


def _words_moved(tables: Tables, lang: str) -> str:
    rows = _last_layer(tables, lang, "adjusted")
    if not len(rows):
        return f"Distances of {language(lang).name} words: {NOT_RUN}"
    adjusted, placebo = (auc_change(tables, lang, arm) for arm in ("adjusted", "placebo"))
    fell = [
        end < start
        for name in ("related_cosine", "unrelated_cosine")
        for start, end in [_ends(rows, name)]
    ]
    if all(fell):
        start = "Related and unrelated words both moved closer"
    else:
        start = "Related words moved closer" if fell[0] else "Related words did not move closer"
    move = 0.0 if adjusted is None else round(adjusted[1], 3) - round(adjusted[0], 3)
    apart = "as well as before"
    if abs(move) >= _LEAST_MOVE:
        apart = "better" if move > 0 else "less well"
    beside = NOT_RUN if placebo is None else _from_to(placebo)
    return f"{start} and are told apart {apart} (AUC {_from_to(adjusted or ())}; placebo {beside})"


def _after_training(tables: Tables, lang: str) -> str:
    table = tables["distances"]
    if len(table):
        last = table[
            (table["lang"] == lang) & (table["layer"] == table["layer"].max())
            & (table["distance"] == "cosine") & table["usual"]
        ]  # fmt: skip
        before = last[(last["arm"] == "original") & (last["task"] == "")]["auc"]
        arms = {
            arm: last[(last["arm"] == arm) & (last["task"] != "")]["auc"]
            for arm in ("continual", "continual-placebo")
        }
        if len(before) and len(arms["continual"]):
            ends = (float(before.mean()), float(arms["continual"].mean()))
            placebo = arms["continual-placebo"]
            beside = number(float(placebo.mean()), 3) if len(placebo) else NOT_RUN
            return f"AUC of related over unrelated words {_from_to(ends)} (placebo to {beside})"
    return f"Distances of {language(lang).name} words after continual learning: {NOT_RUN}"


def _score_moved(tables: Tables, lang: str, task: str, arm: str) -> str:
    name, what = language(lang).name, TASK_NAMES.get(task, task)
    over_original = change(tables, lang, task, (arm, "original"), lang)
    if over_original is None:
        return f"{what} in {name} after it: {NOT_RUN}"
    placebo = change(tables, lang, task, (arm, PLACEBO_OF.get(arm, "placebo")), lang)
    english = change(tables, lang, task, (arm, "original"), "en")
    cost = "" if english is None else f"; English {_points(english)}"
    seeds = count(over_original.seeds, "seed")
    text = f"{what} in {name} {_points(over_original)} points over the original ({seeds}), "
    if placebo is None:
        return f"{text}placebo {NOT_RUN}: how much of it is the alignment is not known{cost}"
    return f"{text}{_points(placebo)} over the placebo: {_judged(over_original, placebo)}{cost}"


def _judged(over_original: Change, over_placebo: Change) -> str:
    if min(over_original.seeds, over_placebo.seeds) < _ENOUGH_SEEDS:
        return "too few seeds to tell"
    if over_placebo.sign < 0:
        return "the alignment itself is shown to harm"
    if over_placebo.sign > 0 and over_original.sign > 0:
        return "shown to be the alignment"
    if over_placebo.sign > 0:
        return "better than the placebo, not shown to be better than the original"
    if over_original.sign < 0:
        return "shown to harm, but not to harm more than the placebo"
    return "not shown to be the alignment"


def _scores(tables: Tables, lang: str, task: str) -> pd.DataFrame:
    scores = tables["scores"]
    if not len(scores):
        return pd.DataFrame(columns=["arm", "eval_lang", "seed", "score", "n"])
    chosen = (scores["task"] == task) & scores["lang"].isin(["", lang]) & scores["usual"]
    return scores[chosen]


def _marks(
    names: tuple[str, str, str],
    rows: pd.DataFrame,
    column: str,
    ends: tuple[float | None, float | None],
) -> Marks:
    values = tuple(float(value) for value in rows[column])
    seeds = tuple(int(seed) for seed in rows["seed"])
    return Marks(*names, seeds, values, float(np.mean(values)), *ends, int(rows["n"].iloc[0]))


def _seed_interval(values: np.ndarray) -> tuple[float | None, float | None]:
    """Student's 95% interval of a mean over seeds; none below LEAST_SEEDS."""
    if len(values) < LEAST_SEEDS:
        return None, None
    reach = student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
    return float(values.mean() - reach), float(values.mean() + reach)


def _state(cell_states: list[str]) -> str:
    finished = cell_states.count("finished")
    return f"{finished} of {count(len(cell_states), 'seed')}" if finished else NOT_RUN


def _from_to(ends: Iterable[float]) -> str:
    return " to ".join(number(end, 3) for end in ends)


def _points(moved: Change) -> str:
    return signed(100 * moved.difference, 1)
