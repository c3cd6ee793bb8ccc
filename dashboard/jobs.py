"""The jobs of the engine and whose turn it is; no threads, no Streamlit, no torch."""

import secrets
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ccta_core.config import Config
from ccta_core.faithfulness.curves import CurvesOf, PairCurves
from ccta_core.models.catalog import ModelInfo
from ccta_core.permissions import LOCAL, person
from ccta_core.projection.places import Places, PlacesOf
from ccta_core.quotas import LIMITS, allowed
from ccta_core.result import PairResult
from ccta_core.zoo.lesson import Lesson, LessonOf
from dashboard.views.pair.view import PairRequest

if TYPE_CHECKING:  # brings torch
    from ccta_core.tasks import Explained

Stop = Callable[[], bool]
"""Called while computing; true once nobody waits for the result, or its time is over."""
Request = PairRequest | CurvesOf | PlacesOf | LessonOf
Result = PairResult | PairCurves | Places | Lesson


class Predicted(NamedTuple):
    """What the head says of both sides of a pair, before anything is attributed."""

    source: "Explained"
    target: "Explained"


Early = Callable[[Sequence[Predicted | PairResult | Lesson]], None]
"""Is given the predictions, before the pairs are attributed; then results without the unrelated
sentences, before these are. Of a lesson, what there is of it after each sentence."""
TOGETHER = 8
"""The most pairs that are computed in one batch, so that nobody waits long for others."""
FORGOTTEN_AFTER = 120.0
"""Seconds until a job nobody asks about is dropped: browsers slow hidden pages down."""
GONE_AFTER = 10.0
"""Seconds until a job is dropped whose people have left: a page that is loaded again comes back."""
_LONG = 800
"""Characters of a pair's texts from which it is slow (three to four times a usual pair): it has a
worker of its own, so that nobody with a short pair waits for it."""
_REMEMBERED = 1000
"""Parties whose last turn is remembered; one that is forgotten is served first, once."""


@dataclass(slots=True, eq=False)
class Job:
    """One request in the queue, and what became of it."""

    request: Request
    id: str = field(default_factory=lambda: secrets.token_hex(4))
    stage: str = "waiting"
    began: float = field(default_factory=time.monotonic)
    result: Result | None = None
    predicted: Predicted | None = None
    early: PairResult | None = None
    lesson: Lesson | None = None
    error: str | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)
    holders: dict[str, float] = field(default_factory=dict)
    parties: dict[str, str] = field(default_factory=dict)
    """Who waits -> in whose turn: the person's, or the session's where all are one person."""
    is_present: Callable[[str], bool] = lambda holder: True
    budget: float | None = None
    """Seconds that it may be computed."""
    due: float | None = None
    """When its time is over; None before it is computed."""

    @property
    def slow(self) -> bool:
        """Whether it is worked on among the slow ones: a long pair, deletion curves, places, a
        lesson.
        """
        return not isinstance(self.request, PairRequest) or characters_of(self.request) > _LONG

    def join(self, holder: str) -> None:
        """Has `holder` wait for the result, in the turn of the person of now."""
        self.parties[holder] = party_of(holder)
        self.refresh(holder)

    def refresh(self, holder: str) -> None:
        """Notes that `holder` still waits for the result."""
        self.holders[holder] = time.monotonic()

    @property
    def parts(self) -> int:
        """How much of the result there is: nothing, the predictions, all but the chance level; of a
        lesson its sentences.
        """
        if self.lesson is not None:
            return len(self.lesson.sentences)
        return 2 if self.early is not None else int(self.predicted is not None)

    @property
    def wanted(self) -> bool:
        """Whether somebody still waits for it: asked lately and has not left."""
        now = time.monotonic()
        return not self.cancelled.is_set() and any(
            now - asked_at < (FORGOTTEN_AFTER if self.is_present(holder) else GONE_AFTER)
            for holder, asked_at in list(self.holders.items())
        )

    @property
    def late(self) -> bool:
        """Whether its time is over."""
        return self.due is not None and time.monotonic() > self.due

    @property
    def outcome(self) -> str:
        """How it ended: "finished", "failed" or "stopped"."""
        return "failed" if self.error else "stopped" if self.result is None else "finished"

    @property
    def seconds(self) -> float:
        """How long the present stage has taken."""
        return time.monotonic() - self.began

    def enter(self, stage: str) -> None:
        """Begins a stage: "waiting", "loading", "attributing", "unrelated", or what else is done
        to the request ("removing", "placing").
        """
        self.stage, self.began = stage, time.monotonic()

    def compute(self, stage: str) -> None:
        """Begins to be computed: from now on its time counts."""
        self.enter(stage)
        self.due = None if self.budget is None else self.began + self.budget

    def fail(self, reason: str) -> None:
        """Ends without a result; the first reason counts."""
        self.error = self.error or reason
        self.done.set()


def characters_of(request: Request) -> int:
    """Returns how many characters the texts of both sides have together; 0 of places, whose texts
    are a study's or a pair's that was compared.
    """
    if isinstance(request, PlacesOf):
        return 0
    return sum(len(text) for side in (request.source, request.target) for text in side.segments)


def party_of(holder: str) -> str:
    """Returns in whose turn a session asks: several sessions of one person have one turn."""
    return holder if person() == LOCAL else person().key


def refusal(request: Request, waiting: int) -> str | None:
    """Returns why a request is not taken (one line), of a party with so many jobs that wait; None
    where it is. Raises CctaError where a limit is set to no amount.
    """
    most, length = allowed("characters"), characters_of(request)
    if most is not None and length > most:
        return (
            f"The texts of this pair have {length:,} characters, at most {most:,} are compared "
            f"here; shorten them ({LIMITS['characters'].variable})."
        )
    most = allowed("waiting")
    if most is not None and waiting >= most:
        return (
            f"You have {waiting} comparisons in the queue, at most {most} may wait; stop some, or "
            f"try again when one is finished ({LIMITS['waiting'].variable})."
        )
    return None


class Turns:
    """The jobs that wait, and who is next: of those with a job, whoever was served longest ago.

    Slow jobs and quick ones are two lines. Not safe for threads: its owner holds a lock.
    """

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self._served: OrderedDict[tuple[bool, str], int] = OrderedDict()
        self._turn = 0

    def count(self, party: str) -> int:
        """Returns how many jobs that wait are wanted by a party."""
        return sum(party in job.parties.values() and job.wanted for job in self.jobs)

    def in_turn(self, slow: bool) -> list[Job]:
        """Returns the slow or the quick jobs in the order in which they will be taken.

        In each round every party has one job, whoever was served longest ago first. A job that
        several wait for comes in the earliest of their turns, and is a turn of each.
        """
        rounds: Counter[str] = Counter()
        keyed = []
        for place, job in enumerate(job for job in self.jobs if job.slow == slow):
            parties = set(job.parties.values()) or {""}
            of_round = min(rounds[party] for party in parties)
            last = min(self._served.get((slow, party), -1) for party in parties)
            rounds.update(parties)
            keyed.append(((of_round, last, place), job))
        return [job for _, job in sorted(keyed, key=lambda pair: pair[0])]

    def take(self, slow: bool, *, together: bool) -> list[Job]:
        """Takes the next job out, with those that can be computed together with it: at most one of
        each party, so that nobody's batch is long because of one who asks for much.
        """
        line = self.in_turn(slow)
        first = line[:1]
        batch = list(first)
        if first and together and not slow and isinstance(first[0].request, PairRequest):
            wanted = model_and_config(first[0].request)
            taken = set(first[0].parties.values())
            for job in line[1:]:
                parties = set(job.parties.values())
                fits = model_and_config(job.request) == wanted and not parties & taken
                if fits and len(batch) < TOGETHER:
                    batch.append(job)
                    taken |= parties
        self._turn += 1
        for job in batch:
            self.jobs.remove(job)
            for party in job.parties.values():
                self._served[slow, party] = self._turn
                self._served.move_to_end((slow, party))
        while len(self._served) > _REMEMBERED:
            self._served.popitem(last=False)
        return batch


def model_and_config(request: Request) -> tuple[type[Request], ModelInfo, Config]:
    """Returns what requests that are computed together have in common; only pairs are."""
    return type(request), request.model, request.config
