"""What the page Errors says: combinations, the verdict, filters, each in plain words."""

from ccta_core.analysis.intervals import FEW, Difference, Share
from ccta_core.text import MINUS, count, interval, number, percent
from dashboard.views.errors.filters import Filters, label
from dashboard.views.errors.state import ANY, State
from dashboard.views.errors.tables import SelectionSummary
from dashboard.widgets.wording import language_name

_LETTERS = {"r": "right", "w": "wrong"}
_AGREEING = {"same": "the same prediction in both", "different": "different predictions"}
_ANSWERING = {"same": "right in both or wrong in both", "different": "right in one only"}


def combination(right: str, source: str, target: str) -> str:
    """Right or wrong on both sides, with the languages that are named."""
    first, second = (_LETTERS[letter] for letter in right)
    if not source and not target:
        if first == second:
            return f"{first} in both languages"
        return f"{first} in one language and {second} in the other"
    names = [language_name(code) if code else "the other language" for code in (source, target)]
    if first == second:
        return f"{first} in {names[0]} and in {names[1]}"
    return f"{first} in {names[0]} and {second} in {names[1]}"


def right_choice(right: str, source: str, target: str) -> str:
    """The same as a choice in a menu."""
    if right == ANY:
        return "Right or wrong"
    text = combination(right, source, target).replace(" and ", ", ", 1)
    return text[:1].upper() + text[1:]


def agreement_choice(agreement: str, task: str) -> str:
    """Same or different predictions as a choice in a menu."""
    text = agreeing(task).get(agreement, "same or different")
    return text[:1].upper() + text[1:]


def agreeing(task: str) -> dict[str, str]:
    """What the choices of agreement mean: answers can only be right or wrong alike."""
    return _ANSWERING if task == "qa" else _AGREEING


def agreement(same: Share, task: str) -> str:
    """In how many comparisons the model says the same in both languages, with its doubt."""
    what = "says the same in both languages, right or wrong,"
    if task == "qa":
        what = "answers rightly in both languages, or wrongly in both,"
    total = count(same.n, "comparison")
    return f"The model {what} in {same.count:,} of {total} ({_share_text(same)})."


def selection_verdict(summary: SelectionSummary, filters: Filters, same: Share, task: str) -> str:
    """How many, which share with its doubt, and whether EMS differs where they are."""
    if filters.right == ANY:
        return agreement(same, task) if same.n else "No comparison passes these filters."
    share = summary.share
    description = combination(filters.right, filters.source, filters.target)
    if not share.n:
        return "No comparison with a known answer passes the other filters."
    verb, total = "is" if share.count == 1 else "are", count(share.n, "comparison")
    if not share.count:
        most = "" if share.high is None else f" (95%: at most {percent(share.high, 1)})"
        return f"None of {total}{most} is {description}."
    head = f"{share.count:,} of {total} ({_share_text(share)}) {verb} {description}"
    return f"{head}{_ems_difference(summary.ems)}."


def doubt(summary: SelectionSummary, filters: Filters) -> str:
    """What the verdict rests on: the independent groups, and the gain beside EMS."""
    share = summary.share
    parts = ["A comparison is one item in two languages."]
    if share.groups:
        parts.append(
            f"Intervals treat the {count(share.groups, 'group')} of items (one premise, one "
            "paragraph) as independent."
        )
    if share.groups and share.groups < FEW:
        parts.append(f"With fewer than {FEW} groups they are unreliable.")
    if filters.right != ANY and summary.ems is not None:
        parts.append("EMS is compared with the other comparisons of the same languages.")
        if summary.gain is not None:
            parts.append(
                "The gain over shuffled masses, what attributions add, is "
                f"{_difference_text(summary.gain)}."
            )
    return " ".join(parts)


def chosen_filters(state: State, tag: str = "") -> list[tuple[str, str]]:
    """Every filter that is set, by name: for a page that stands alone."""
    filters = state.filters
    names = [language_name(code) if code else "any" for code in (filters.source, filters.target)]
    right = (
        ANY if filters.right == ANY else combination(filters.right, filters.source, filters.target)
    )
    rows = [("languages", f"{names[0]} to {names[1]}"), ("right or wrong", right)]
    alike = agreeing(state.chosen.task)
    rows += [("predictions", alike[filters.agreement])] if filters.agreement in alike else []
    words = {
        "gold": filters.gold, "source prediction": filters.source_says,
        "target prediction": filters.target_says, "text or id holds": filters.find, "tag": tag,
    }  # fmt: skip
    rows += [(name, value) for name, value in words.items() if value]
    rows += [
        (label(bounds.name), _range_text(bounds.low, bounds.high)) for bounds in filters.ranges
    ]
    order = "greatest first" if state.order.down else "least first"
    if state.order.name == "item":
        order = "Z to A" if state.order.down else "A to Z"
    return [*rows, ("sorted by", f"{label(state.order.name)}, {order}")]


def listed(first: int, last: int, total: int) -> str:
    """Which of how many are shown."""
    if total == 1:
        return "1 comparison"
    return f"Comparisons {first:,} to {last:,} of {total:,}"


def _share_text(share: Share) -> str:
    if share.low is None or share.high is None:
        return percent(share.value, 1)
    return f"{percent(share.value, 1)}, 95% {interval(100 * share.low, 100 * share.high, 1)}"


def _ems_difference(ems: Difference | None) -> str:
    if ems is None:
        return ""
    if ems.clear:
        return f"; where they are, EMS is {_difference_text(ems)}"
    return f"; their EMS is not shown to differ from that of the others ({_difference_text(ems)})"


def _difference_text(difference: Difference) -> str:
    size = number(abs(difference.value), 3)
    side = "higher" if difference.value > 0 else "lower"
    ends = (
        (difference.low, difference.high)
        if difference.value > 0
        else (-difference.high, -difference.low)
    )
    return f"{size} {side} (95% {interval(*ends, 3)})"


def _range_text(low: float, high: float) -> str:
    return f"{low + 0.0:g} to {high + 0.0:g}".replace("-", MINUS)  # no minus before a zero
