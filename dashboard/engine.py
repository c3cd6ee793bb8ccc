"""One queue for every person of this process, a worker for what is quick and one for what is slow;
no Streamlit, no torch.
"""

import logging
import secrets
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from ccta_core.config import Config
from ccta_core.errors import CctaError, StoppedError
from ccta_core.faithfulness.curves import CurvesOf, PairCurves
from ccta_core.logs import ids
from ccta_core.models.catalog import ModelInfo
from ccta_core.result import PairResult
from ccta_core.zoo.lesson import Lesson, LessonOf
from dashboard.views.pair.view import PairRequest

if TYPE_CHECKING:  # brings torch
    from ccta_core.tasks import Explained

_logger = logging.getLogger(__name__)
Stop = Callable[[], bool]
"""Called while computing; true once nobody waits for the result."""
Request = PairRequest | CurvesOf | LessonOf
Result = PairResult | PairCurves | Lesson


class Predicted(NamedTuple):
    """What the head says of both sides of a pair, before anything is attributed."""

    source: "Explained"
    target: "Explained"


Early = Callable[[Sequence[Predicted | PairResult | Lesson]], None]
"""Is given the predictions, before the pairs are attributed; then results without the unrelated
sentences, before these are. Of a lesson, what there is of it after each sentence."""
Measure = Callable[[Any, Any, Stop, Early], Result]
_NAMES = {CurvesOf: "deletion curves", LessonOf: "lessons"}
_STAGES = {PairRequest: "attributing", CurvesOf: "removing", LessonOf: "following"}
_TOGETHER = 8
"""The most pairs that are computed in one batch, so that nobody waits long for others."""
FORGOTTEN_AFTER = 120.0
"""Seconds until a job nobody asks about is dropped: browsers slow hidden pages down."""
GONE_AFTER = 10.0
"""Seconds until a job is dropped whose people have left: a page that is loaded again comes back."""
_LONG = 800
"""Characters of a pair's texts from which it is slow (three to four times a usual pair): it has a
worker of its own, so that nobody with a short pair waits for it."""


@dataclass(frozen=True, slots=True)
class EngineState:
    """How an engine stands: jobs that wait and that are worked on, the longest wait in seconds,
    whether its workers live, and how many jobs ended finished, failed or stopped.
    """

    queued: int
    running: int
    oldest_wait: float
    alive: bool
    ended: dict[str, int]


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
    is_present: Callable[[str], bool] = lambda holder: True

    @property
    def slow(self) -> bool:
        """Whether it is worked on among the slow ones: a long pair, deletion curves, a lesson."""
        if not isinstance(self.request, PairRequest):
            return True
        sentences = (self.request.source, self.request.target)
        return sum(len(text) for each in sentences for text in each.segments) > _LONG

    def refresh(self, holder: str) -> None:
        """Notes that `holder` still waits for the result."""
        self.holders[holder] = time.monotonic()

    @property
    def parts(self) -> int:
        """How much of the result there is: nothing, the predictions, all but the chance level; of
        a lesson its sentences.
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

    def stop(self) -> bool:
        """What a computation asks now and then: true once nobody waits for the result."""
        return not self.wanted

    @property
    def outcome(self) -> str:
        """How it ended: "finished", "failed" or "stopped"."""
        return "failed" if self.error else "stopped" if self.result is None else "finished"

    @property
    def seconds(self) -> float:
        """How long the present stage has taken."""
        return time.monotonic() - self.began

    def enter(self, stage: str) -> None:
        """Begins a stage: "waiting", "loading" or what is done then (`views.pair.job` says it)."""
        self.stage, self.began = stage, time.monotonic()


class Engine:
    """Loads models and compares pairs on threads of its own, in the order in which they were asked;
    long pairs, deletion curves and lessons on another than short pairs.

    `load` takes a ModelInfo and gives a model; `compare` takes a model, a request, a stop and an
    early. With `compare_many` requests that wait for the same model and settings are computed
    together. `measures` has what answers other requests than pairs, by their class, one after
    another: it takes what `compare` takes. `is_present` tells whether a holder is still there: what
    only people who left wait for is stopped while it runs.
    """

    def __init__(
        self,
        load: Callable[[ModelInfo], Any],
        compare: Callable[[Any, PairRequest, Stop, Early], PairResult],
        compare_many: Callable[[Any, Sequence[PairRequest], Stop, Early], Sequence[PairResult]]
        | None = None,
        measures: Mapping[type, Measure] = MappingProxyType({}),
        is_present: Callable[[str], bool] = lambda holder: True,
    ) -> None:
        self._load, self._compare, self._compare_many = load, compare, compare_many
        self._measures, self._is_present = measures, is_present
        self._loading = threading.Lock()
        self._ready = threading.Condition()
        self._queue: list[Job] = []
        self._running: dict[bool, list[Job]] = {False: [], True: []}  # by whether it is slow
        self._warm: ModelInfo | None = None
        self._warmed = False
        self._durations: dict[str, float] = {}
        self._threads: dict[bool, threading.Thread] = {}
        self._ended: Counter[str] = Counter()
        ENGINES.add(self)

    def submit(self, request: Request, holder: str) -> Job:
        """Queues the request, or joins an equal one that is already there."""
        with self._ready:
            for job in (*self._running[False], *self._running[True], *self._queue):
                if job.request == request and not job.cancelled.is_set():
                    job.refresh(holder)
                    return job
            job = Job(request, is_present=self._is_present)
            job.refresh(holder)
            self._queue.append(job)
            self._wake(job.slow)
            return job

    def leave(self, job: Job, holder: str) -> None:
        """Takes `holder` off a job; a job nobody waits for is cancelled."""
        with self._ready:
            job.holders.pop(holder, None)
            if not job.holders:
                job.cancelled.set()
            if job.cancelled.is_set() and job in self._queue:
                self._queue.remove(job)
                job.done.set()

    def queue_position(self, job: Job) -> int:
        """How many jobs are in front of this one (0: it is being worked on)."""
        with self._ready:
            if job not in self._queue:
                return 0
            alike = [other for other in self._queue if other.slow == job.slow]
            return alike.index(job) + len(self._running[job.slow])

    def last_duration(self, stage: str) -> float | None:
        """How many seconds a stage took the last time; None if it was not yet done."""
        return self._durations.get(stage)

    def state(self) -> EngineState:
        """Returns how it stands now."""
        with self._ready:
            waits = [job.seconds for job in self._queue]
            return EngineState(
                queued=len(waits),
                running=sum(map(len, self._running.values())),
                oldest_wait=max(waits, default=0.0),
                alive=all(thread.is_alive() for thread in self._threads.values()),
                ended=dict(self._ended),
            )

    def warm(self, info: ModelInfo) -> None:
        """Loads a model when there is nothing else to do; once in a process."""
        with self._ready:
            if not self._warmed:
                self._warmed, self._warm = True, info
                self._wake(slow=False)

    def _wake(self, slow: bool) -> None:
        thread = self._threads.get(slow)
        if thread is None or not thread.is_alive():
            name = "ccta-engine-slow" if slow else "ccta-engine"
            thread = threading.Thread(target=self._work, args=(slow,), name=name, daemon=True)
            self._threads[slow] = thread
            thread.start()
        self._ready.notify_all()

    def _work(self, slow: bool) -> None:
        while True:
            with self._ready:
                self._ready.wait_for(
                    lambda: (
                        any(job.slow == slow for job in self._queue)
                        or (not slow and self._warm is not None)
                    )
                )
                jobs = self._running[slow] = self._take_batch(slow)
                info = None
                if not jobs:
                    info, self._warm = self._warm, None
            if jobs:
                self._work_on(jobs, slow)
            elif info is not None:
                self._preload(info)

    def _take_batch(self, slow: bool) -> list[Job]:
        """The first of the slow or quick jobs with those that can be computed together with it."""
        waiting = [job for job in self._queue if job.slow == slow]
        first = waiting[:1]
        if first and self._compare_many is not None and isinstance(first[0].request, PairRequest):
            wanted = _model_and_config(first[0].request)
            first = [job for job in waiting if _model_and_config(job.request) == wanted]
            first = first[: 1 if slow else _TOGETHER]
        for job in first:
            self._queue.remove(job)
        return first

    def _work_on(self, jobs: list[Job], slow: bool) -> None:
        for job in jobs:
            if not job.wanted:
                job.cancelled.set()
        try:
            with ids(job=" ".join(job.id for job in jobs)):
                self._compute_or_explain([job for job in jobs if not job.cancelled.is_set()])
        finally:
            with self._ready:
                self._running[slow] = []
            for job in jobs:
                self._ended[job.outcome] += 1
                with ids(job=job.id):
                    _logger.info("a job %s after %.1f s", job.outcome, job.seconds)
                job.done.set()

    def _compute_or_explain(self, jobs: list[Job]) -> None:
        """Computes the jobs together; where that fails, one by one, to find which failed."""
        try:
            if jobs:
                self._compute_batch(jobs)
        except StoppedError:
            for job in jobs:
                job.cancelled.set()
        except CctaError as error:
            self._note_failure(jobs, str(error))
        except Exception as error:
            _logger.exception("a comparison failed")
            self._note_failure(
                jobs,
                f"The comparison failed in a way nobody expected ({type(error).__name__}); "
                "the log has the details. Try again, or choose another item.",
            )

    def _note_failure(self, jobs: list[Job], reason: str) -> None:
        if len(jobs) > 1:
            for job in jobs:
                self._compute_or_explain([job])
        else:
            jobs[0].error = reason

    def _compute_batch(self, jobs: list[Job]) -> None:
        for job in jobs:
            job.enter("loading")
        with self._loading:  # the other worker may be about to load the same
            model = self._load(jobs[0].request.model)
        if _nobody_waits(jobs):
            return
        for job in jobs:
            job.enter(_STAGES[type(job.request)])
        for job, result in zip(jobs, self._results(model, jobs), strict=True):
            job.result = result
        self._durations[jobs[0].stage] = jobs[0].seconds

    def _results(self, model: Any, jobs: Sequence[Job]) -> Sequence[Result]:
        def early(parts: Sequence[Predicted | PairResult | Lesson]) -> None:
            for job, part in zip(jobs, parts, strict=True):
                if isinstance(part, Predicted):
                    job.predicted = part
                elif isinstance(part, Lesson):
                    job.lesson = part
                else:
                    self._durations["attributing"] = job.seconds
                    job.early = part
                    job.enter("unrelated")

        pairs = [job.request for job in jobs if isinstance(job.request, PairRequest)]
        if len(pairs) > 1 and self._compare_many is not None:
            return self._compare_many(model, pairs, lambda: _nobody_waits(jobs), early)
        (job,) = jobs
        if isinstance(job.request, PairRequest):
            return [self._compare(model, job.request, job.stop, early)]
        measure = self._measures.get(type(job.request))
        if measure is None:
            raise CctaError(f"this engine does not measure {_NAMES[type(job.request)]}")
        return [measure(model, job.request, job.stop, early)]

    def _preload(self, info: ModelInfo) -> None:
        try:
            with self._loading:
                self._load(info)
        except CctaError as error:
            _logger.warning("%s was not warmed: %s", info.id, error)
        except Exception:
            _logger.exception("%s was not warmed", info.id)


ENGINES: "weakref.WeakSet[Engine]" = weakref.WeakSet()
"""Those of this process (a dashboard has one), for whoever looks at it from outside."""


def _model_and_config(request: Request) -> tuple[type[Request], ModelInfo, Config]:
    """What requests that are computed together have in common; curves are not pairs."""
    return type(request), request.model, request.config


def _nobody_waits(jobs: Sequence[Job]) -> bool:
    return not any(job.wanted for job in jobs)
