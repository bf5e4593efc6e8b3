import asyncio
import threading
from collections.abc import Iterator
from time import monotonic

import pytest

from {{ cookiecutter.package_name }}.api.threads import Threads


@pytest.fixture
def threads() -> Iterator[Threads]:
    threads = Threads(2)
    yield threads
    threads.stop()


def test_work_is_done_on_another_thread(threads: Threads) -> None:
    def where(*arguments: object) -> tuple[object, ...]:
        return threading.current_thread(), *arguments

    thread, *arguments = asyncio.run(threads.run(where, 1, 2))

    assert thread is not threading.main_thread()
    assert arguments == [1, 2]


def test_what_the_work_raises_is_raised(threads: Threads) -> None:
    with pytest.raises(ZeroDivisionError):
        asyncio.run(threads.run(lambda: 1 / 0))


def test_so_much_work_runs_at_once_and_no_more(threads: Threads) -> None:
    lock, running, most = threading.Lock(), 0, 0
    both = threading.Barrier(2)

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        both.wait(10)
        with lock:
            running -= 1

    async def all_at_once() -> None:
        await asyncio.gather(*[threads.run(work) for _ in range(6)])

    asyncio.run(all_at_once())

    assert most == 2


def test_a_caller_that_gives_up_does_no_harm(threads: Threads) -> None:
    begun, finish = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        finish.wait(10)

    async def give_up() -> int:
        task = asyncio.create_task(threads.run(work))
        await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        finish.set()
        return await threads.run(lambda: 1)

    assert asyncio.run(give_up()) == 1


def test_the_threads_end(threads: Threads) -> None:
    before = threading.active_count()

    threads.stop()

    deadline = monotonic() + 10
    while threading.active_count() > before - 2:
        assert monotonic() < deadline
