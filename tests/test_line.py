"""The line of questions: real threads, a real event loop."""

import asyncio
import threading

from askseeds.web.line import Line, Run, Waiting

TIMEOUT_S = 60


def in_loop(scene):
    async def bounded():
        await asyncio.wait_for(scene(), TIMEOUT_S)

    asyncio.run(bounded())


async def until(condition):
    while not condition():
        await asyncio.sleep(0.01)


async def states(run, seen):
    async for state in run.follow():
        seen.append(state)


def test_first_come_first_served_and_everybody_knows_the_place():
    async def scene():
        begun, gate = [], threading.Semaphore(0)

        def work(run):
            begun.append(runs.index(run))
            gate.acquire()
            run.tell("done")

        line = Line(work, at_once=2)
        runs, seen = [Run() for _ in range(6)], [[] for _ in range(6)]
        followers = [
            asyncio.create_task(states(run, of)) for run, of in zip(runs, seen, strict=True)
        ]
        for run in runs:
            line.join(run)
        places = [Waiting(n) for n in (1, 2, 3, 4)]
        await until(lambda: len(begun) == 2)
        await until(lambda: [of[-1] if of else None for of in seen[2:]] == places)
        for now in (3, 4, 5, 6, 6, 6):
            gate.release()
            await until(lambda now=now: len(begun) == now)
        await asyncio.gather(*followers)
        assert sorted(begun[:2]) == [0, 1]
        assert begun[2:] == [2, 3, 4, 5]
        assert all(of[-1] == "done" for of in seen)
        for of in seen:
            places = [state.place for state in of if isinstance(state, Waiting)]
            assert places == sorted(places, reverse=True)
        line.close()

    in_loop(scene)


def test_who_leaves_is_not_worked_on_and_the_others_move_up():
    async def scene():
        begun, gate = [], threading.Semaphore(0)

        def work(run):
            begun.append(run)
            gate.acquire()

        line = Line(work, at_once=1)
        first, second, third = runs = [Run() for _ in range(3)]
        seen = [[] for _ in runs]
        followers = [
            asyncio.create_task(states(run, of)) for run, of in zip(runs, seen, strict=True)
        ]
        for run in runs:
            line.join(run)
        await until(lambda: begun)
        line.leave(second)
        await followers[1]  # at once, although nobody has got on
        await until(lambda: seen[2] and seen[2][-1] == Waiting(1))
        line.leave(first)
        assert first.stopped
        gate.release()
        gate.release()
        await asyncio.gather(*followers)
        assert begun == [first, third]
        line.close()

    in_loop(scene)


def test_leaving_the_iterator_stops_the_work():
    async def scene():
        run = Run()
        run.tell("one")
        following = run.follow()
        assert await anext(following) == "one"
        assert not run.stopped
        await following.aclose()
        assert run.stopped

    in_loop(scene)


def test_the_end_sends_everybody_home():
    async def scene():
        begun, gate = threading.Event(), threading.Event()
        line = Line(lambda run: begun.set() or gate.wait(TIMEOUT_S), at_once=1)
        runs = [Run() for _ in range(3)]
        for run in runs:
            line.join(run)
        await until(begun.is_set)
        line.close()
        for run in runs[1:]:
            await states(run, [])
        gate.set()
        await states(runs[0], [])

    in_loop(scene)
