import time

import pytest

from mcdrl.base.errors import InputError
from mcdrl.base.parallel import batches, in_order


def test_work_comes_back_in_order_and_runs_little_ahead():
    begun = []

    def slow_first(item):
        begun.append(item)
        time.sleep(0.02 if item == 0 else 0)
        return item * item

    results = in_order(slow_first, range(1000), workers=2)
    assert next(results) == 0
    assert len(begun) <= 9
    assert list(results) == [item * item for item in range(1, 1000)]


def test_batches_are_drawn_as_they_are_read():
    drawn = []
    lists = batches((drawn.append(item) or item for item in range(7)), 3)
    assert next(lists) == [0, 1, 2]
    assert drawn == [0, 1, 2]
    assert list(lists) == [[3, 4, 5], [6]]
    assert list(batches([], 3)) == []


def test_an_error_of_a_worker_reaches_the_reader():
    def fail(item):
        raise InputError(f"item {item}")

    with pytest.raises(InputError, match="item 0"):
        list(in_order(fail, range(100), workers=2))
