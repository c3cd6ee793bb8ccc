"""Packing into a budget of tokens, and what happens when memory runs out."""

import logging

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ccta_core.attribution.batches import TOKEN_BUDGET, in_batches, packed
from ccta_core.errors import CctaError, StoppedError


class Anywhere:
    """What `in_batches` asks of a model."""

    device = torch.device("cpu")
    even_only = False


def never():
    return False


@given(st.lists(st.integers(1, 600), max_size=60), st.integers(1, 4096), st.booleans())
def test_every_row_is_in_one_batch_within_the_budget(lengths, budget, even):
    batches = list(packed(lengths, budget=budget, even=even))
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[index] for index in batch)
        assert len(batch) == 1 or longest * len(batch) <= budget
        assert not even or len({lengths[index] for index in batch}) == 1


@given(st.lists(st.integers(1, 400), min_size=1, max_size=40), st.integers(400, 3000))
def test_the_budget_is_halved_until_the_batches_fit(lengths, room):
    """A machine that holds `room` tokens: every row is done once all the same."""

    def work(batch):
        if sum(lengths[index] for index in batch) > room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return [lengths[index] for index in batch]

    done = list(in_batches(Anywhere(), lengths, work, stop=never))
    assert sorted(index for batch, _ in done for index in batch) == list(range(len(lengths)))
    assert all(found == [lengths[index] for index in batch] for batch, found in done)


def test_it_says_that_memory_ran_out(caplog):
    def work(batch):
        if len(batch) > 2:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 8 bytes")
        return batch

    with caplog.at_level(logging.WARNING):
        done = [batch for batch, _ in in_batches(Anywhere(), [100] * 8, work, stop=never)]
    assert max(map(len, done)) <= 2
    assert "memory ran out: going on with batches of at most 400 tokens" in caplog.text


def test_one_row_too_large_is_one_clear_line():
    def work(batch):
        raise MemoryError

    with pytest.raises(CctaError, match="memory ran out on one text of 500 tokens"):
        list(in_batches(Anywhere(), [500], work, stop=never))


def test_other_failures_are_not_taken_for_memory():
    def work(batch):
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes do not fit"):
        list(in_batches(Anywhere(), [5], work, stop=never))


def test_it_stops_between_batches():
    done = []
    lengths = [TOKEN_BUDGET] * 5
    batches = in_batches(Anywhere(), lengths, done.append, stop=lambda: len(done) == 2)
    with pytest.raises(StoppedError):
        list(batches)
    assert len(done) == 2
