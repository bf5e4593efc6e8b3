import asyncio
from collections.abc import Callable, Coroutine

from {{ cookiecutter.package_name }}.api.timers import shared

type Script = Callable[[list[str]], Coroutine[None, None, None]]


def heard(script: Script) -> list[str]:
    said: list[str] = []
    asyncio.run(script(said))
    return said


def test_timers_end_in_the_order_in_which_they_were_set() -> None:
    async def script(said: list[str]) -> None:
        timers = shared(asyncio.get_running_loop())
        timers.call_later(0.02, lambda: said.append("first"))
        await asyncio.sleep(0.01)
        timers.call_later(0.02, lambda: said.append("second"))
        timers.call_later(0.002, lambda: said.append("shorter"))
        await asyncio.sleep(0.1)

    assert heard(script) == ["shorter", "first", "second"]


def test_a_timer_that_is_cancelled_never_ends() -> None:
    async def script(said: list[str]) -> None:
        timers = shared(asyncio.get_running_loop())
        first, _ = [timers.call_later(0.01, lambda: said.append("end")) for _ in range(2)]
        first.cancel()
        first.cancel()
        await asyncio.sleep(0.05)

    assert heard(script) == ["end"]


def test_a_timer_may_set_and_cancel_others() -> None:
    async def script(said: list[str]) -> None:
        timers = shared(asyncio.get_running_loop())

        def end() -> None:
            other.cancel()
            timers.call_later(0.01, lambda: said.append("again"))

        timers.call_later(0.01, end)
        other = timers.call_later(0.01, lambda: said.append("cancelled"))
        await asyncio.sleep(0.1)

    assert heard(script) == ["again"]


def test_a_callback_that_fails_stops_no_other_timer() -> None:
    async def script(said: list[str]) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, _context: said.append("failure"))
        shared(loop).call_later(0.01, lambda: said.remove("nothing"))
        shared(loop).call_later(0.01, lambda: said.append("end"))
        await asyncio.sleep(0.05)

    assert heard(script) == ["failure", "end"]


def test_each_event_loop_has_its_own_timers() -> None:
    async def script(said: list[str]) -> None:
        shared(asyncio.get_running_loop()).call_later(0.01, lambda: said.append("end"))
        await asyncio.sleep(0.05)

    assert heard(script) == heard(script) == ["end"]
