"""What the page Errors shows, field by field from its address; what its choosers offer."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import ceil, floor, log10

import streamlit as st

from ccta_core.errors import CctaError
from ccta_core.store import notes
from ccta_core.store.notes import Remark
from dashboard import resources
from dashboard.fields import Field, flag, one_of, span, whole, words
from dashboard.session import Session
from dashboard.views.errors import tables
from dashboard.views.errors.filters import (
    AGREEMENT,
    CONTROLS,
    RIGHT,
    Filters,
    Order,
    Range,
    joined,
    sortable_names,
)
from dashboard.widgets.study_bar import Chosen, languages_of

ANY = "any"
STARTERS = ("romanised", "translation", "label noise", "negation", "number", "name")
"""Tags that are offered before anybody made one."""
SIZES = ("25", "50", "100")
UP, DOWN = "up", "down"
_MOST_PLACES = 20_000
_STEPS = 200
Ends = tuple[float, float]
Row = tuple[str, str, str]
"""Item, source, target."""


@dataclass(frozen=True, slots=True)
class ErrorView:
    """A view of one click: right or wrong on both sides, and how the list is sorted."""

    title: str
    right: str
    sort: str
    order: str


VIEWS = (
    ErrorView("Right in one language, wrong in the other", "rw", "ems", UP),
    ErrorView("Most inconsistent but right", "rr", "ems", UP),
    ErrorView("Consistent but wrong", "ww", "ems", DOWN),
    ErrorView("Everything", ANY, "item", UP),
)
"""The first is what the page opens on."""


@dataclass(frozen=True, slots=True)
class Offered:
    """What there is to choose from; ends None where a measure is not known or does not vary."""

    languages: Sequence[str]
    gold: Sequence[str]
    predictions: Sequence[str]
    tags: dict[str, int]
    sorts: Sequence[str]
    ends: dict[str, Ends | None]


@dataclass(frozen=True, slots=True)
class State:
    """What is chosen now. `row` is the comparison that is looked at closely."""

    chosen: Chosen
    offered: Offered
    filters: Filters
    order: Order
    size: int
    control: str
    row: Row | None
    remarks: dict[str, Remark]
    unread: bool
    """Whether the remarks can't be read now: then none are shown, and none go into a file."""
    problems: list[str] = field(default_factory=list)


def read(session: Session, chosen: Chosen) -> State:
    """Every field but the page. Raises CctaError where the study's rows can't be read."""
    study, model, layer = chosen.study, chosen.model, chosen.layer
    problems: list[str] = []
    remarks: dict[str, Remark] = {}
    try:
        remarks = notes.remarks(study.name)
    except CctaError as error:
        problems.append(str(error))
    unread = bool(problems)
    gold, predicted = resources.computed(study, tables.label_words, model, layer)
    control = session.value(one_of("by", CONTROLS, "gain"))
    ends = {
        name: _round_outwards(resources.computed(study, tables.value_range, model, layer, measure))
        for name, measure in (("ems", "ems"), ("range", control), ("words", "length"))
    }
    offered = Offered(
        languages=languages_of(study),
        gold=gold,
        predictions=predicted,
        tags=notes.counted(remarks),
        sorts=sortable_names(chosen.task),
        ends=ends,
    )
    filters = _read_filters(session, chosen, offered, control, problems)
    tag = _one_or_any(session, "tag", offered.tags)
    only = session.value(flag("only")) and bool(chosen.selection)
    if tag or only:
        items = chosen.selection.items if only else remarks
        filters = replace(
            filters,
            items=joined(
                item for item in items if not tag or tag in remarks.get(item, Remark()).tags
            ),
        )
    down = session.value(one_of("order", (UP, DOWN), VIEWS[0].order)) == DOWN
    order = Order(session.value(one_of("sort", offered.sorts, VIEWS[0].sort)), down)
    size = int(session.value(one_of("rows", SIZES, SIZES[0])))
    row = _parse_row(session.value(words("row", 300)))
    return State(chosen, offered, filters, order, size, control, row, remarks, unread, problems)


def page_of(session: Session, state: State, total: int) -> tuple[int, int]:
    """Which page of how many; the first again as soon as something else is listed."""
    pages = max(1, ceil(total / state.size))
    listed, memo = (state.filters, state.order, state.size), session.widget("listed")
    if st.session_state.get(memo, listed) != listed:
        session.put(page=1)
    st.session_state[memo] = listed
    return session.value(whole("page", 1, pages, 1)), pages


def tag_names(state: State) -> list[str]:
    """The tags that can be chosen with a key each: those to begin with, then those in use."""
    return [*STARTERS, *(tag for tag in state.offered.tags if tag not in STARTERS)]


def row_text(row: Row | None) -> str:
    """A comparison as the address has it: source-target-item."""
    return "" if row is None else f"{row[1]}-{row[2]}-{row[0]}"


def _parse_row(text: str) -> Row | None:
    source, _, rest = text.partition("-")
    target, _, item = rest.partition("-")
    return (item, source, target) if item else None


def _read_filters(
    session: Session, chosen: Chosen, offered: Offered, control: str, problems: list[str]
) -> Filters:
    source, target = (_one_or_any(session, side, offered.languages) for side in ("src", "tgt"))
    find = session.value(words("find")).strip()
    return Filters(
        chosen.model,
        chosen.layer,
        source=source,
        target=target,
        right=session.value(one_of("right", RIGHT, VIEWS[0].right)),
        agreement=session.value(one_of("agree", AGREEMENT, ANY)),
        gold=_one_or_any(session, "gold", offered.gold),
        source_says=_one_or_any(session, "says", offered.predictions),
        target_says=_one_or_any(session, "says2", offered.predictions),
        ranges=tuple(_chosen_ranges(session, offered, control)),
        find=find,
        places=_find_places(chosen, find, [lang for lang in (source, target) if lang], problems),
    )


def _one_or_any(session: Session, name: str, options: Sequence[str] | dict[str, int]) -> str:
    """One of the options, or nothing for any."""
    chosen = session.value(one_of(name, [ANY, *options], ANY))
    return "" if chosen == ANY else chosen


def _chosen_ranges(session: Session, offered: Offered, control: str) -> list[Range]:
    ranges = []
    measures = {"ems": "ems", "range": control, "words": "length"}
    for name, ends in offered.ends.items():
        if ends is not None:
            low, high = session.value(_range_field(session, name, ends))
            if (low, high) != ends:
                ranges.append(Range(measures[name], low, high))
    return ranges


def _range_field(session: Session, name: str, ends: Ends) -> Field:
    """The field of a range; one that covered everything does so again when the ends change."""
    memo, key = session.widget(f"{name}_ends"), session.widget(name)
    before = st.session_state.get(memo)
    if before not in (None, ends) and st.session_state.get(key, before) == before:
        st.session_state[key] = ends
    st.session_state[memo] = ends
    return span(name, *ends)


def _find_places(chosen: Chosen, find: str, langs: Sequence[str], problems: list[str]) -> str:
    """The texts that hold what is searched for; none, with a line, where there are none to read."""
    if not find:
        return ""
    try:
        matches = resources.find_places(
            chosen.study.name, find, langs or list(chosen.study.manifest.languages)
        )
    except CctaError as error:
        problems.append(f"only ids are searched: {error}")
        return ""
    if len(matches) > _MOST_PLACES:
        problems.append(
            f"{len(matches):,} texts hold what is searched for, at most {_MOST_PLACES:,} can be "
            "filtered by; only ids are searched: type more of it"
        )
        return ""
    return joined(f"{lang} {item}" for lang, item in matches)


def _round_outwards(ends: Ends | None) -> Ends | None:
    """The ends a little further out, in steps a slider can take; None where nothing varies."""
    if ends is None or not ends[1] > ends[0]:
        return None
    step = step_of(ends)
    digits = max(0, -floor(log10(step)))
    return (
        round(floor(ends[0] / step + 1e-9) * step, digits),
        round(ceil(ends[1] / step - 1e-9) * step, digits),
    )


def step_of(ends: Ends) -> float:
    """1, 0.1, 0.01 and so on: at least about 20 steps from end to end."""
    return 10.0 ** floor(log10((ends[1] - ends[0]) / _STEPS) + 1)
