"""Where a cell of a plan stands in the design: arm, task, language, dose and seed."""

from dataclasses import asdict, dataclass

from ccta_core.adjustment.plan import Measurement, Plan, PlanCell, Studied
from ccta_core.adjustment.settings import Adjustment


@dataclass(frozen=True, slots=True)
class DesignPoint:
    """Where a cell stands in the design: "" for no task, the original's language, every language.

    `pairs` is 0 for the original, -1 for all pairs.
    """

    arm: str
    task: str
    lang: str
    pairs: int
    noise: float
    seed: int
    usual: bool
    """Whether the dose is the language's usual one."""


def place_of(plan: Plan, cell: PlanCell) -> DesignPoint:
    """Returns where a cell stands in the design."""
    work = cell.work
    if isinstance(work, Studied):
        lang = next(lang for lang in work.languages if lang != "en")
        return DesignPoint("", "", lang, 0, 0.0, work.seed, True)
    if isinstance(work, Measurement):
        below = {each.id: each for each in plan.cells}.get(work.settings.model)
        if below is None:
            return DesignPoint("original", "", work.settings.lang, 0, 0.0, 0, True)
        place = place_of(plan, below)
        return DesignPoint(**asdict(place) | {"lang": work.settings.lang})
    if isinstance(work, Adjustment):
        usual = plan.languages[work.lang].pairs == work.pairs and not work.noise
        arm = "placebo" if work.placebo else "adjusted"
        return DesignPoint(arm, "", work.lang, work.pairs or -1, work.noise, work.seed, usual)
    if work.arm == "original":
        return DesignPoint("original", work.task.name, "", 0, 0.0, work.seed, True)
    start = next(each for each in plan.cells if each.id == work.start)
    design = asdict(place_of(plan, start))
    return DesignPoint(**design | {"arm": work.arm, "task": work.task.name})
