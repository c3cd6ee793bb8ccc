"""Several people at the one engine: who is computed with whom, and who is not held up."""

import threading
import time

import pytest

from ccta_core.config import Config
from ccta_core.errors import CctaError, StoppedError
from ccta_core.models.catalog import ModelInfo
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
    monkeypatch.setattr("dashboard.engine.GONE_AFTER", 0.05)
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
