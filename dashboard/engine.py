"""One queue for every person of this process, a worker for what is quick and one for what is slow;
no Streamlit, no torch. Whose turn it is: jobs.py.
"""

import logging
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ccta_core.errors import CctaError, StoppedError
from ccta_core.faithfulness.curves import CurvesOf
from ccta_core.logs import ids
from ccta_core.models.catalog import ModelInfo
from ccta_core.projection.places import PlacesOf
from ccta_core.quotas import LIMITS, allowed
from ccta_core.result import PairResult
from ccta_core.zoo.lesson import Lesson, LessonOf
from dashboard.jobs import Early, Job, Predicted, Request, Result, Stop, Turns, party_of, refusal
from dashboard.views.pair.view import PairRequest

_logger = logging.getLogger(__name__)
SILENT_AFTER = 600.0
"""Seconds without a word (a computation asks every few whether to stop, on a busy machine every few
dozen) after which a worker counts as hung, and another takes its place."""
_STAGES = {
    PairRequest: "attributing", CurvesOf: "removing", PlacesOf: "placing", LessonOf: "following"
}  # fmt: skip
"""What is done to a request once its model is loaded."""


@dataclass(frozen=True, slots=True)
class EngineState:
    """How an engine stands: jobs that wait and that are worked on, the longest wait in seconds,
    whether its workers live and answer, how many jobs ended finished, failed or stopped, and how
    many workers were replaced because they had stopped answering.
    """

    queued: int
    running: int
    oldest_wait: float
    alive: bool
    ended: dict[str, int]
    replaced: int


class Engine:
    """Loads models and compares pairs on threads of its own, the people who wait in turn (`Turns`);
    long pairs, deletion curves, places and lessons on another than short pairs.

    `load` takes a ModelInfo and gives a model; `compare` takes a model, a request, a stop and an
    early. With `compare_many` requests that wait for the same model and settings are computed
    together. `further` has what answers each other kind of request (a pair's deletion curves, the
    places of words, a lesson), one after another; it takes what `compare` takes. `is_present` tells
    whether a holder is still there: what only people who left wait for is stopped while it runs.
    So is a job whose time is over, and a worker that does not answer is replaced.
    """

    def __init__(
        self,
        load: Callable[[ModelInfo], Any],
        compare: Callable[[Any, PairRequest, Stop, Early], PairResult],
        compare_many: Callable[[Any, Sequence[PairRequest], Stop, Early], Sequence[PairResult]]
        | None = None,
        further: Mapping[type[Request], Callable[[Any, Any, Stop, Early], Result]] | None = None,
        is_present: Callable[[str], bool] = lambda holder: True,
    ) -> None:
        self._load, self._compare, self._compare_many = load, compare, compare_many
        self._further, self._is_present = further or {}, is_present
        self._loading = threading.Lock()
        self._ready = threading.Condition()
        self._turns = Turns()
        self._running: dict[bool, list[Job]] = {False: [], True: []}  # by whether it is slow
        self._warm: ModelInfo | None = None
        self._warmed = False
        self._durations: dict[str, float] = {}
        self._threads: dict[bool, threading.Thread] = {}
        self._ended: Counter[str] = Counter()
        # When a worker was last heard of, by whether it is the slow one; None while it loads.
        self._heard: dict[bool, float | None] = {False: None, True: None}
        self._replaced = 0
        ENGINES.add(self)

    def submit(self, request: Request, holder: str) -> Job:
        """Queues the request in the turn of the person of now, or joins an equal one that is there.

        A request beyond a limit of the person (`refusal`) is a job that has failed already. Raises
        CctaError where a limit is set to no amount.
        """
        seconds = allowed("seconds")
        with self._ready:
            self._replace_silent()
            for job in (*self._running[False], *self._running[True], *self._turns.jobs):
                if job.request == request and not job.cancelled.is_set():
                    job.join(holder)
                    if seconds is None or job.budget is None:
                        job.budget = None
                    else:
                        job.budget = max(job.budget, seconds)
                    return job
            job = Job(request, is_present=self._is_present, budget=seconds)
            self._turns.jobs = [each for each in self._turns.jobs if self._is_kept(each)]
            reason = refusal(request, self._turns.count(party_of(holder)))
            if reason is not None:
                job.fail(reason)
                return job
            job.join(holder)
            self._turns.jobs.append(job)
            self._wake(job.slow)
            return job

    def _is_kept(self, job: Job) -> bool:
        """Whether somebody waits for a job of the queue; one nobody waits for is ended."""
        if not job.wanted:
            job.cancelled.set()
            self._ended[job.outcome] += 1
            job.done.set()
        return job.wanted

    def leave(self, job: Job, holder: str) -> None:
        """Takes `holder` off a job; a job nobody waits for is cancelled."""
        with self._ready:
            job.holders.pop(holder, None)
            job.parties.pop(holder, None)
            if not job.holders:
                job.cancelled.set()
            if job.cancelled.is_set() and job in self._turns.jobs:
                self._turns.jobs.remove(job)
                job.done.set()

    def queue_position(self, job: Job) -> int:
        """How many jobs are in front of this one (0: it is being worked on)."""
        with self._ready:
            self._replace_silent()
            if job not in self._turns.jobs:
                return 0
            return self._turns.in_turn(job.slow).index(job) + len(self._running[job.slow])

    def last_duration(self, stage: str) -> float | None:
        """How many seconds a stage took the last time; None if it was not yet done."""
        return self._durations.get(stage)

    def state(self) -> EngineState:
        """Returns how it stands now."""
        with self._ready:
            self._replace_silent()
            waits = [job.seconds for job in self._turns.jobs]
            return EngineState(
                queued=len(waits),
                running=sum(map(len, self._running.values())),
                oldest_wait=max(waits, default=0.0),
                alive=all(thread.is_alive() for thread in self._threads.values()),
                ended=dict(self._ended),
                replaced=self._replaced,
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

    def _replace_silent(self) -> None:
        """Puts a new worker in the place of one that has not been heard of; what it had in hand
        fails. A thread can't be ended: the old one's result is not used, should it ever come.
        """
        for slow, jobs in self._running.items():
            heard = self._heard[slow]
            silent = 0.0 if heard is None else time.monotonic() - heard
            if not jobs or silent <= SILENT_AFTER:
                continue
            _logger.error("a worker has not answered for %.0f s: it is replaced", silent)
            self._replaced += 1
            self._ended["failed"] += len(jobs)
            for job in jobs:
                job.cancelled.set()
                job.fail(
                    f"The computation stopped answering for {silent:.0f} seconds and was given up; "
                    "try again, or choose another item."
                )
            self._running[slow] = []
            del self._threads[slow]
            self._wake(slow)

    def _hear(self, jobs: Sequence[Job], when: float | None) -> bool:
        """Notes when the worker on these jobs was heard of; whether it is the worker still."""
        slow = jobs[0].slow
        with self._ready:
            if self._is_worker(slow):
                self._heard[slow] = when
            return self._is_worker(slow)

    def _is_worker(self, slow: bool) -> bool:
        """Whether the thread that asks is the worker still: it may have been replaced."""
        return self._threads.get(slow) is threading.current_thread()

    def _work(self, slow: bool) -> None:
        while True:
            with self._ready:
                self._ready.wait_for(
                    lambda: (
                        any(job.slow == slow for job in self._turns.jobs)
                        or (not slow and self._warm is not None)
                        or not self._is_worker(slow)
                    )
                )
                if not self._is_worker(slow):
                    return
                together = self._compare_many is not None
                jobs = self._running[slow] = self._turns.take(slow, together=together)
                self._heard[slow] = None
                info = None
                if not jobs:
                    info, self._warm = self._warm, None
            if jobs:
                self._work_on(jobs, slow)
            elif info is not None:
                self._preload(info)

    def _work_on(self, jobs: list[Job], slow: bool) -> None:
        for job in jobs:
            if not job.wanted:
                job.cancelled.set()
        try:
            with ids(job=" ".join(job.id for job in jobs)):
                self._compute_or_explain([job for job in jobs if not job.cancelled.is_set()])
        finally:
            with self._ready:
                replaced = not self._is_worker(slow)
                if not replaced:
                    self._running[slow] = []
            for job in () if replaced else jobs:
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
            if any(job.late for job in jobs) and not _nobody_waits(jobs):
                self._note_failure(jobs, _too_long(jobs[0]))
                return
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
            jobs[0].error = jobs[0].error or reason

    def _compute_batch(self, jobs: list[Job]) -> None:
        for job in jobs:
            job.enter("loading")
        self._hear(jobs, None)  # a model may come from far: nothing is heard of it meanwhile
        with self._loading:  # the other worker may be about to load the same
            model = self._load(jobs[0].request.model)
        if _nobody_waits(jobs):
            return
        stage = _STAGES[type(jobs[0].request)]
        for job in jobs:
            job.compute(stage)
        self._hear(jobs, time.monotonic())
        results = self._results(model, jobs)
        for job, result in zip(jobs, results, strict=True):
            if not job.error:  # else its worker was given up meanwhile
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

        def stop() -> bool:
            replaced = not self._hear(jobs, time.monotonic())
            return replaced or _nobody_waits(jobs) or any(job.late for job in jobs)

        pairs = [job.request for job in jobs if isinstance(job.request, PairRequest)]
        if len(pairs) > 1 and self._compare_many is not None:
            return self._compare_many(model, pairs, stop, early)
        (job,) = jobs
        if isinstance(job.request, PairRequest):
            return [self._compare(model, job.request, stop, early)]
        answer = self._further.get(type(job.request))
        if answer is None:
            raise CctaError(f"this engine answers no {type(job.request).__name__}")
        return [answer(model, job.request, stop, early)]

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


def _nobody_waits(jobs: Sequence[Job]) -> bool:
    return not any(job.wanted for job in jobs)


def _too_long(job: Job) -> str:
    return (
        f"The comparison took more than {job.budget:g} seconds, which is all one may take here, "
        f"and was stopped; shorten the texts, choose a later layer or a smaller model "
        f"({LIMITS['seconds'].variable})."
    )
