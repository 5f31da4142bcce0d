"""How often Python searches for reference cycles while something is compiled."""

from __future__ import annotations

import gc
import threading

from stagec_runtime.collecting import SELDOM, fewer_collections


def test_thresholds_are_those_before_again() -> None:
    before = gc.get_threshold()
    with fewer_collections():
        assert gc.get_threshold() == (max(before[0], SELDOM), *before[1:])
        with fewer_collections():
            assert gc.get_threshold()[0] >= SELDOM
        assert gc.get_threshold()[0] >= SELDOM
    assert gc.get_threshold() == before


def test_the_first_compilation_may_end_before_the_second() -> None:
    before = gc.get_threshold()
    entered, leave = threading.Event(), threading.Event()

    def second() -> None:
        with fewer_collections():
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=second)
    with fewer_collections():
        thread.start()
        assert entered.wait(10)
    assert gc.get_threshold()[0] >= SELDOM
    leave.set()
    thread.join()
    assert gc.get_threshold() == before


def test_a_search_that_is_off_stays_off() -> None:
    before = gc.get_threshold()
    gc.set_threshold(0)
    try:
        with fewer_collections():
            assert gc.get_threshold()[0] == 0
    finally:
        gc.set_threshold(*before)
