"""One hostile session beside ten ordinary ones, on a clock that the test turns itself.

benchmarks/fair_queue.py measures the same with the engine's threads.
"""

import heapq
import random

import numpy as np
import pytest

from ccta_core.config import Config
from ccta_core.types import Sentence
from dashboard.jobs import Job, Turns, refusal
from dashboard.views.pair.view import PairRequest
from tests.made_pair import MODEL

SHORT = 0.1


def pair(text, seed=0):
    return PairRequest(MODEL, Sentence(text, "en"), Sentence(text, "es"), Config(seed=seed))


class Room:
    """People at one worker: what they ask for, when, and how long they wait; no threads."""

    def __init__(self, turns, hostile, jobs_in_queue=24, people=10, jobs=40, think=0.6):
        self.turns, self.hostile, self.jobs_in_queue = turns, hostile, jobs_in_queue
        self.draw, self.think = random.Random(1), think
        self.left = dict.fromkeys(range(people), jobs)
        self.arrivals = [(self.draw.expovariate(1 / think), who) for who in range(people)]
        heapq.heapify(self.arrivals)
        self.asked, self.waits, self.number = {}, [], 0

    def ask(self, who, text, seed=0):
        job = Job(pair(text, seed))
        job.join(f"person {who}")
        self.turns.jobs.append(job)
        return job

    def arrive(self, until):
        while self.arrivals and self.arrivals[0][0] <= until:
            at, who = heapq.heappop(self.arrivals)
            self.left[who] -= 1
            self.asked[self.ask(who, f"{who} {self.left[who]}").id] = (at, who)
        waiting = sum("hostile" in next(iter(job.parties)) for job in self.turns.jobs)
        for _ in range(self.jobs_in_queue - waiting if self.hostile else 0):
            self.number += 1
            job = Job(pair(f"h {self.number}", self.number))
            job.join("hostile")
            self.turns.jobs.append(job)

    def run(self):
        now = 0.0
        while self.asked or self.arrivals:
            self.arrive(now)
            batch = self.turns.take(False, together=True)
            if not batch:
                now = self.arrivals[0][0]
                continue
            now += SHORT * (1 + 0.5 * (len(batch) - 1))
            self.arrive(now)
            for job in batch:
                if job.id in self.asked:
                    at, who = self.asked.pop(job.id)
                    self.waits.append(now - at)
                    if self.left[who]:
                        again = now + self.draw.expovariate(1 / self.think)
                        heapq.heappush(self.arrivals, (again, who))
        return np.percentile(self.waits, 95)


class FirstComeFirstServed(Turns):
    def in_turn(self, slow):
        return [job for job in self.jobs if job.slow == slow]


@pytest.mark.parametrize("think", [0.6, 1.5])
def test_the_p95_of_others_moves_by_less_than_half(think):
    alone = Room(Turns(), hostile=False, think=think).run()
    beside = Room(Turns(), hostile=True, think=think).run()
    assert beside < 1.5 * alone
    # With the queue of before a session that asks for much is what everybody waits for.
    assert Room(FirstComeFirstServed(), hostile=True, think=think).run() > 3 * alone


def test_however_much_the_hostile_session_asks_for_changes_nothing():
    few, many = (Room(Turns(), True, jobs_in_queue=held).run() for held in (2, 200))
    assert many == pytest.approx(few, rel=0.05)


def test_what_one_session_is_let():
    assert refusal(pair("x"), 23) is None
    assert "at most 24 may wait" in refusal(pair("x"), 24)
