"""A limit on processor time ends what works too long, and nothing that merely waits."""

import os
import signal
import time

import pytest

from edgekit.testing.processor_time import at_most, end_process_after


def work() -> None:
    while True:
        pass


def test_work_beyond_the_limit_is_ended_and_told() -> None:
    with pytest.raises(TimeoutError, match=r"more than 0\.05 s of processor time"), at_most(0.05):
        work()


def test_waiting_spends_nothing() -> None:
    with at_most(0.2):
        time.sleep(0.5)


def test_behind_the_block_there_is_no_limit_and_the_earlier_handler_is_back() -> None:
    before = signal.getsignal(signal.SIGPROF)
    with pytest.raises(KeyError), at_most(60):
        raise KeyError
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGPROF) is before


def test_a_process_that_runs_in_c_code_is_ended_too() -> None:
    child = os.fork()
    if child == 0:
        end_process_after(0.05)
        sum(range(10**15))  # one call, which Python cannot interrupt
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGPROF
