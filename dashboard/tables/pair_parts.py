"""EMS taken apart: words whose mass finds no good partner, and what each word link adds."""

import numpy as np
import pandas as pd

from ccta_core.result import PairResult
from ccta_core.space.links import mutual_links

_TINY = 1e-9


def usual_best(result: PairResult) -> tuple[float, float]:
    """What a word of each side finds at best: the mean over its words of their highest cosine.

    Source words look along their row of the cosines, target words along their column.
    """
    similarity = result.similarity
    return float(similarity.max(1).mean()), float(similarity.max(0).mean())


def partnerless(result: PairResult) -> pd.DataFrame:
    """One row a word: the share of its mass that is moved to a poor partner, most mass first.

    A flow is poor for a word where its cosine lies below `usual_best` of the word's side.
    `poor_share` is the poor part of the word's own mass, `poor_mass` that part of the side's mass
    (its sum over a side is the side's poor mass, at most 1); `best` is the highest cosine of the
    word, `reached` the mean cosine of its flows, weighted by mass.
    """
    plan, similarity = result.plan.matrix, result.similarity
    limits = usual_best(result)
    rows = []
    for side, moved, cosines, limit in (
        ("source", plan, similarity, limits[0]),
        ("target", plan.T, similarity.T, limits[1]),
    ):
        mass = moved.sum(1)
        poor = np.where(cosines < limit, moved, 0.0).sum(1)
        reached = (moved * cosines).sum(1)
        other = "target" if side == "source" else "source"
        for at, unit in enumerate(getattr(result, side).units):
            known = mass[at] > _TINY
            best = int(cosines[at].argmax())
            rows.append(
                {
                    "side": side,
                    "position": at,
                    "word": unit.text,
                    "mass": mass[at],
                    "poor_mass": poor[at],
                    "poor_share": poor[at] / mass[at] if known else np.nan,
                    "reached": reached[at] / mass[at] if known else np.nan,
                    "best": cosines[at, best],
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
