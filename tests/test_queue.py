"""Several people at the one engine: who is computed with whom, and who is not held up."""

import threading
import time

import pytest

from ccta_core.config import Config
from ccta_core.errors import CctaError, StoppedError
from ccta_core.models.catalog import ModelInfo
from ccta_core.permissions import Person, acting_for
from ccta_core.types import Sentence
from dashboard.engine import Engine
from dashboard.views.pair.view import PairRequest

LABELS = ("entailment", "neutral", "contradiction")
MODEL = ModelInfo("e5-small/queue-test", "nli", "en", LABELS, (0, 1), 8, "test")


def request_of(text, layer=0):
    return PairRequest(MODEL, Sentence(text, "en"), Sentence(text, "es"), Config(layer=layer))


class Worker:
    """An engine whose first job waits until the others are in the queue; notes every batch."""

    def __init__(self, fails=()):
        self.gate, self.began = threading.Event(), threading.Event()
        self.batches, self.fails = [], fails
        self.engine = Engine(load=self.load, compare=self.one, compare_many=self.many)

    def load(self, info):
        self.began.set()
        self.gate.wait(10)
        return info

    def busy(self):
        """Somebody's job is worked on: what comes now waits in the queue."""
        job = self.engine.submit(request_of("first"), "anna")
        assert self.began.wait(10)
        return job

    def one(self, model, request, stop, early):
        return self.many(model, [request], stop, early)[0]

    def many(self, model, requests, stop, early):
        texts = [request.source.text for request in requests]
        self.batches.append(texts)
        if set(texts) & set(self.fails):
            raise CctaError("this text can't be read")
        return texts

    def asked(self, *requests):
        jobs = [self.engine.submit(one, f"person {at}") for at, one in enumerate(requests)]
        self.gate.set()
        assert all(job.done.wait(10) for job in jobs)
        return jobs


def test_those_who_ask_alike_are_computed_together():
    worker = Worker()
    first = worker.busy()
    jobs = worker.asked(request_of("a"), request_of("b", layer=1), request_of("c"))
    assert first.done.wait(10)
    assert worker.batches == [["first"], ["a", "c"], ["b"]]
    assert [job.result for job in jobs] == ["a", "b", "c"], "everybody gets their own"


def test_a_batch_is_not_made_without_end():
    worker = Worker()
    worker.busy()
    worker.asked(*(request_of(str(n)) for n in range(19)))
    assert [len(batch) for batch in worker.batches] == [1, 8, 8, 3]


def test_one_bad_pair_spoils_nobody_elses():
    worker = Worker(fails={"bad"})
    worker.busy()
    good, bad, other = worker.asked(request_of("good"), request_of("bad"), request_of("other"))
    assert (good.result, other.result) == ("good", "other")
    assert bad.result is None
    assert "can't be read" in bad.error
    assert good.error is other.error is None


def test_who_leaves_is_left_out_of_the_batch():
    worker = Worker()
    worker.busy()
    gone = worker.engine.submit(request_of("gone"), "berta")
    stays = worker.engine.submit(request_of("stays"), "carla")
    assert worker.engine.queue_position(stays) == 2
    worker.engine.leave(gone, "berta")
    assert worker.engine.queue_position(stays) == 1
    worker.gate.set()
    assert stays.done.wait(10)
    assert worker.batches == [["first"], ["stays"]]


@pytest.mark.parametrize("people", [2, 5])
def test_equal_requests_are_one_job(people):
    worker = Worker()
    worker.busy()
    jobs = worker.asked(*(request_of("same") for _ in range(people)))
    assert len({id(job) for job in jobs}) == 1
    assert worker.batches == [["first"], ["same"]]


LONG = "a word and another " * 60


def test_a_short_pair_does_not_wait_for_a_long_one():
    gate, began = threading.Event(), threading.Event()

    def compare(model, request, stop, early):
        if request.source.text == LONG:
            began.set()
            assert gate.wait(20)
        return request.source.text

    engine = Engine(load=lambda info: info, compare=compare)
    long = engine.submit(request_of(LONG), "anna")
    assert began.wait(10)
    short = engine.submit(request_of("four words are here"), "ben")
    assert short.done.wait(10)
    assert short.result == "four words are here"
    another = engine.submit(request_of(LONG + "."), "carla")
    assert engine.queue_position(another) == 1, "among the long ones"
    assert not long.done.is_set()
    gate.set()
    assert long.done.wait(10)
    assert another.done.wait(10)


def test_long_pairs_are_computed_one_by_one():
    worker = Worker()
    worker.gate.set()
    jobs = [worker.engine.submit(request_of(LONG + str(n)), "anna") for n in range(3)]
    assert all(job.done.wait(10) for job in jobs)
    assert [len(batch) for batch in worker.batches] == [1, 1, 1]


@pytest.mark.parametrize("text", ["short", LONG])
def test_work_stops_while_it_runs_once_its_people_have_left(monkeypatch, text):
    monkeypatch.setattr("dashboard.jobs.GONE_AFTER", 0.05)
    present, began = {"anna", "ben"}, threading.Event()

    def compare(model, request, stop, early):
        began.set()
        until = time.monotonic() + 20
        while time.monotonic() < until:
            if stop():
                raise StoppedError("nobody waits")
            time.sleep(0.01)
        return "too late"

    engine = Engine(
        load=lambda info: info, compare=compare, is_present=lambda holder: holder in present
    )
    job = engine.submit(request_of(text), "anna")
    engine.submit(request_of(text), "ben")
    assert began.wait(10)
    present.remove("anna")
    assert not job.done.wait(0.3), "Ben still waits"
    present.remove("ben")
    assert job.done.wait(10)
    assert job.cancelled.is_set()
    assert job.result is None


def test_a_pair_is_there_before_its_chance_level():
    gate, told = threading.Event(), threading.Event()

    def compare(model, request, stop, early):
        early(["without the chance level"])
        told.set()
        assert gate.wait(20)
        return "whole"

    engine = Engine(load=lambda info: info, compare=compare)
    job = engine.submit(request_of("short"), "anna")
    assert told.wait(10)
    assert (job.early, job.result, job.stage) == ("without the chance level", None, "unrelated")
    assert engine.last_duration("attributing") is not None
    gate.set()
    assert job.done.wait(10)
    assert job.result == "whole"


def shown(worker):
    return [text for batch in worker.batches for text in batch]


def test_a_visitor_with_twenty_jobs_holds_another_up_by_the_one_that_runs():
    worker = Worker()
    worker.busy()
    many = [worker.engine.submit(request_of(f"a{n}", layer=n % 2), "anna") for n in range(20)]
    one = worker.engine.submit(request_of("b"), "ben")
    assert worker.engine.queue_position(one) == 1, "after the one that runs"
    worker.gate.set()
    assert all(job.done.wait(10) for job in (*many, one))

    assert worker.batches[1] == ["b", "a0"], "one of each: nobody's batch is long for Anna"


def test_sessions_have_turns_in_the_order_in_which_they_were_last_served():
    worker = Worker()
    worker.busy()  # Anna's
    asked = [("anna", "a1"), ("anna", "a2"), ("ben", "b1"), ("ben", "b2"), ("carla", "c1")]
    # Every job has a layer of its own, so that none are computed together.
    jobs = [
        worker.engine.submit(request_of(text, layer=layer), who)
        for layer, (who, text) in enumerate(asked, 1)
    ]
    assert [worker.engine.queue_position(job) for job in jobs] == [3, 5, 1, 4, 2]
    worker.gate.set()
    assert all(job.done.wait(10) for job in jobs)
    assert shown(worker) == ["first", "b1", "c1", "a1", "b2", "a2"]


def test_a_job_that_two_wait_for_comes_in_the_earlier_of_their_turns():
    worker = Worker()
    worker.busy()
    jobs = [worker.engine.submit(request_of(f"a{n}", layer=n), "anna") for n in (1, 2, 3)]
    joined = worker.engine.submit(request_of("a3", layer=3), "ben")
    assert joined is jobs[2]
    assert worker.engine.queue_position(joined) == 1
    worker.gate.set()
    assert all(job.done.wait(10) for job in jobs)


def test_several_sessions_of_one_person_have_one_turn():
    worker = Worker()
    worker.busy()
    with acting_for(Person("berta")):
        tabs = [worker.engine.submit(request_of(f"t{n}", layer=n), f"tab {n}") for n in (1, 2, 3)]
    with acting_for(Person("carla")):
        other = worker.engine.submit(request_of("c", layer=4), "her tab")
    assert [worker.engine.queue_position(job) for job in (*tabs, other)] == [1, 3, 4, 2]
    worker.gate.set()
    assert all(job.done.wait(10) for job in (*tabs, other))


def test_too_many_jobs_of_one_session_are_refused_in_one_line(monkeypatch):
    monkeypatch.setenv("CCTA_JOBS_WAITING", "3")
    worker = Worker()
    worker.busy()
    jobs = [worker.engine.submit(request_of(str(n)), "anna") for n in range(5)]
    refused = jobs[3:]
    assert all(job.done.is_set() for job in refused)
    assert {job.error for job in refused} == {
        "You have 3 comparisons in the queue, at most 3 may wait; stop some, or try again when one "
        "is finished (CCTA_JOBS_WAITING)."
    }
    assert worker.engine.submit(request_of("0"), "anna") is jobs[0], "to join costs nothing"
    assert worker.engine.submit(request_of("b"), "ben").error is None
    worker.engine.leave(jobs[0], "anna")
    assert worker.engine.submit(request_of("again"), "anna").error is None
    worker.gate.set()


def test_texts_that_are_too_long_are_refused_before_they_are_computed(monkeypatch):
    worker = Worker()
    worker.gate.set()
    with acting_for(Person("anna")):
        job = worker.engine.submit(request_of("word " * 3000), "anna")
    assert job.done.is_set()
    assert "have 30,000 characters, at most 20,000 are compared here" in job.error
    assert worker.batches == []
    whole = worker.engine.submit(request_of("word " * 3000), "anna")
    assert whole.done.wait(10)
    assert whole.error is None, "alone at the machine there is no such limit"
    monkeypatch.setenv("CCTA_JOB_CHARACTERS", "many")
    with pytest.raises(CctaError, match="CCTA_JOB_CHARACTERS is 'many'; expected a number"):
        worker.engine.submit(request_of("x"), "anna")


def spin(stop, seconds=20):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if stop():
            raise StoppedError("stopped")
        time.sleep(0.005)


def test_a_job_over_its_time_is_stopped_and_those_beside_it_go_on(monkeypatch):
    monkeypatch.setattr("dashboard.engine.allowed", lambda name: 0.1)
    worker = Worker()

    def many(model, requests, stop, early):
        texts = [request.source.text for request in requests]
        worker.batches.append(texts)
        if "endless" in texts:
            spin(stop)
        return texts

    worker.many = worker.engine._compare_many = many
    worker.busy()
    endless, short, other = worker.asked(*map(request_of, ["endless", "short", "other"]))
    assert worker.batches == [
        ["first"], ["endless", "short", "other"], ["endless"], ["short"], ["other"]
    ]  # fmt: skip
    assert endless.error.startswith("The comparison took more than 0.1 seconds")
    assert "CCTA_JOB_SECONDS" in endless.error
    assert (endless.outcome, short.result, other.result) == ("failed", "short", "other")


def test_a_worker_that_does_not_answer_is_replaced(monkeypatch):
    monkeypatch.setattr("dashboard.engine.SILENT_AFTER", 0.05)
    hung, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def compare(model, request, stop, early):
        if request.source.text == "hangs":
            hung.set()
            go_on.wait(20)
            ended.set()
        return request.source.text

    engine = Engine(load=lambda info: info, compare=compare)
    job = engine.submit(request_of("hangs"), "anna")
    assert hung.wait(10)
    other = engine.submit(request_of("other"), "ben")
    until = time.monotonic() + 10
    while not other.done.is_set() and time.monotonic() < until:
        engine.queue_position(other)  # as a page does that waits
        time.sleep(0.01)
    assert other.result == "other"
    assert job.done.is_set()
    assert "stopped answering" in job.error
    assert engine.state().replaced == 1
    assert engine.state().alive
    go_on.set()
    assert ended.wait(10)
    later = engine.submit(request_of("later"), "anna")
    assert later.done.wait(10)
    assert job.result is None, "what comes after all is not used"
    assert engine.state().ended == {"failed": 1, "finished": 2}


def test_a_worker_that_is_heard_of_is_not_replaced(monkeypatch):
    monkeypatch.setattr("dashboard.engine.SILENT_AFTER", 0.2)

    def compare(model, request, stop, early):
        until = time.monotonic() + 0.6
        while time.monotonic() < until:
            assert not stop()
            time.sleep(0.01)
        return "whole"

    engine = Engine(load=lambda info: info, compare=compare)
    job = engine.submit(request_of("long"), "anna")
    while not job.done.wait(0.02):
        engine.queue_position(job)
    assert (job.result, engine.state().replaced) == ("whole", 0)
