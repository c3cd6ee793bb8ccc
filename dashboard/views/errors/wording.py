"""What the page Errors says: combinations, the verdict, filters, each in plain words."""

from ccta_core.analysis.intervals import FEW, Difference, Share
from ccta_core.text import MINUS, count, interval, number, percent
from dashboard.views.errors.filters import Filters, label
from dashboard.views.errors.state import ANY, State
from dashboard.views.errors.tables import Found
from dashboard.widgets.wording import language_name

_LETTERS = {"r": "right", "w": "wrong"}
_AGREEING = {"same": "the same prediction in both", "different": "different predictions"}
_ANSWERING = {"same": "right in both or wrong in both", "different": "right in one only"}


def combination(right: str, source: str, target: str) -> str:
    """Right or wrong on both sides, with the languages that are named."""
    one, other = (_LETTERS[letter] for letter in right)
    if not source and not target:
        if one == other:
            return f"{one} in both languages"
        return f"{one} in one language and {other} in the other"
    names = [language_name(code) if code else "the other language" for code in (source, target)]
    if one == other:
        return f"{one} in {names[0]} and in {names[1]}"
    return f"{one} in {names[0]} and {other} in {names[1]}"


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
    return f"The model {what} in {same.count:,} of {count(same.n, 'comparison')} ({_share(same)})."


def verdict(found: Found, filters: Filters, same: Share, task: str) -> str:
    """How many, which share with its doubt, and whether EMS differs where they are."""
    if filters.right == ANY:
        return agreement(same, task) if same.n else "No comparison passes these filters."
    share = found.share
    said = combination(filters.right, filters.source, filters.target)
    if not share.n:
        return "No comparison with a known answer passes the other filters."
    verb = "is" if share.count == 1 else "are"
    if not share.count:
        most = "" if share.high is None else f" (95%: at most {percent(share.high, 1)})"
        return f"None of {count(share.n, 'comparison')}{most} is {said}."
    head = f"{share.count:,} of {count(share.n, 'comparison')} ({_share(share)}) {verb} {said}"
    return f"{head}{_differs(found.ems)}."


def doubt(found: Found, filters: Filters) -> str:
    """What stands behind the verdict: what is independent, and the gain beside EMS."""
    share = found.share
    parts = ["A comparison is one item in two languages."]
    if share.groups:
        parts.append(
            f"Intervals take the {count(share.groups, 'group')} of items (one premise, one "
            "paragraph) as what is independent."
        )
    if share.groups and share.groups < FEW:
        parts.append(f"With fewer than {FEW} groups they are not to be relied on.")
    if filters.right != ANY and found.ems is not None:
        parts.append("EMS is compared with the other comparisons of the same languages.")
        if found.gain is not None:
            parts.append(
                f"The gain over shuffled masses, what attributions add, is {_apart(found.gain)}."
            )
    return " ".join(parts)


def chosen_filters(state: State, tag: str = "") -> list[tuple[str, str]]:
    """Every filter that is set, by name: for a page that stands alone."""
    one = state.filters
    names = [language_name(code) if code else "any" for code in (one.source, one.target)]
    right = ANY if one.right == ANY else combination(one.right, one.source, one.target)
    rows = [("languages", f"{names[0]} to {names[1]}"), ("right or wrong", right)]
    alike = agreeing(state.chosen.task)
    rows += [("predictions", alike[one.agreement])] if one.agreement in alike else []
    words = {
        "gold": one.gold, "source says": one.source_says, "target says": one.target_says,
        "text or id holds": one.find, "tag": tag,
    }  # fmt: skip
    rows += [(name, value) for name, value in words.items() if value]
    rows += [(label(each.name), _between(each.low, each.high)) for each in one.ranges]
    order = "greatest first" if state.order.down else "least first"
    if state.order.name == "item":
        order = "Z to A" if state.order.down else "A to Z"
    return [*rows, ("sorted by", f"{label(state.order.name)}, {order}")]


def listed(first: int, last: int, total: int) -> str:
    """Which of how many are shown."""
    if total == 1:
        return "1 comparison"
    return f"Comparisons {first:,} to {last:,} of {total:,}"


def _share(share: Share) -> str:
    if share.low is None or share.high is None:
        return percent(share.value, 1)
    return f"{percent(share.value, 1)}, 95% {interval(100 * share.low, 100 * share.high, 1)}"


def _differs(ems: Difference | None) -> str:
    if ems is None:
        return ""
    if ems.clear:
        return f"; where they are, EMS is {_apart(ems)}"
    return f"; their EMS can't be told apart from that of the others ({_apart(ems)})"


def _apart(found: Difference) -> str:
    size = number(abs(found.value), 3)
    side = "higher" if found.value > 0 else "lower"
    ends = (found.low, found.high) if found.value > 0 else (-found.high, -found.low)
    return f"{size} {side} (95% {interval(*ends, 3)})"


def _between(low: float, high: float) -> str:
    return f"{low + 0.0:g} to {high + 0.0:g}".replace("-", MINUS)  # no minus before a zero
