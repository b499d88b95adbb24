"""Turns at writing, and the time that a request has."""

import threading
import time

import pytest

from portal.foundation import deadline
from portal.foundation.turns import NoTurn, Queue


def test_first_come_first_served() -> None:
    queue, served = Queue(), list[int]()
    threads = []

    def come(number: int) -> None:
        with queue.turn(10):
            served.append(number)

    with queue.turn(1):
        for number in range(20):
            threads.append(threading.Thread(target=come, args=(number,)))
            threads[-1].start()
            while len(queue._waiting) <= number:
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert served == list(range(20))


def test_who_gives_up_leaves_the_queue_to_the_others() -> None:
    queue = Queue()
    with queue.turn(1), pytest.raises(NoTurn), queue.turn(0.01):
        pytest.fail("two at once")
    with queue.turn(0):
        pass


def test_a_turn_ends_with_its_block_whatever_happens_in_it() -> None:
    queue = Queue()
    with pytest.raises(ZeroDivisionError), queue.turn(1):
        raise ZeroDivisionError
    with queue.turn(0):
        pass


def test_one_at_a_time_under_load() -> None:
    queue, inside, most = Queue(), list[int](), list[int]()

    def work() -> None:
        for _ in range(200):
            with queue.turn(30):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(most), max(most)) == (1600, 1)


def test_an_inner_block_never_has_more_time_than_the_outer_one() -> None:
    assert deadline.remaining() is None
    with deadline.within(1):
        with deadline.within(100):
            assert (deadline.remaining() or 0) <= 1
        with deadline.within(0):
            assert deadline.remaining() == 0
        assert (deadline.remaining() or 0) > 0.5
    assert deadline.remaining() is None
