"""All interleavings of two operations on PostgreSQL, statement by statement.

Two threads with a connection each stop before every statement, commit and rollback. A scheduler lets one go on at a
time, and goes through all orders depth first; one that waits for a lock (the server says so) is left waiting while the
other goes on. Orders that differ only by statements which cannot meet (``footprint.py``) are tried once: the other one
is let go first only where a later statement of its meets what was chosen there (dynamic partial-order reduction, by
Flanagan and Godefroid, POPL 2005), and who went first from some moment sleeps there until something meets it.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, event

from portal.foundation.refusals import Refusal
from tests.torture.footprint import Footprint, Footprints

PATIENCE = 30.0
"""Seconds after which a thread that neither stops nor waits for a lock counts as hung."""
GLANCE = 0.003
"""Seconds after which the server is asked whether a statement waits for a lock."""


class Runner:
    """One operation in a thread of its own, that stops before each statement until it is told to go on."""

    def __init__(self, name: str, operation: Callable[[], object]) -> None:
        self.name = name
        self.outcome = ""
        self.pid = 0
        self.state = "running"
        """``running``, ``stopped`` before ``pending``, ``waiting`` for a lock, or ``done``."""
        self.pending = Footprint()
        self.sql = ""
        self._held = Footprint()
        self._changed = threading.Condition()
        self._free = False
        self._thread = threading.Thread(target=self._run, args=(operation,), daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._await_stop()

    def finish(self) -> None:
        """Let it go to its end without stopping."""
        self._free = True
        self._release()
        self._thread.join(PATIENCE)
        if self._thread.is_alive():
            raise TimeoutError(f"{self.name} does not end after {self.sql}")

    def step(self, is_blocked: Callable[[int], bool]) -> None:
        """Let it carry out the pending statement. Returns when it stops again, waits for a lock, or is done."""
        self._release()
        self.settle(is_blocked)

    def settle(self, is_blocked: Callable[[int], bool]) -> None:
        """Wait until it stops, waits for a lock, or is done."""
        deadline = time.monotonic() + PATIENCE
        with self._changed:
            while not self._changed.wait_for(lambda: self.state in ("stopped", "done"), GLANCE):
                if is_blocked(self.pid):
                    self.state = "waiting"
                    return
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{self.name} hangs in {self.sql}")

    def stop(self, connection: Connection, sql: str, pending: Footprint) -> None:
        """Called by the thread itself: stop here until told to go on."""
        if pending.ends:
            pending.hold(self._held)
            self._held = Footprint()
        else:
            self._held.hold(pending)
        self.pid = connection.connection.driver_connection.info.backend_pid  # type: ignore[union-attr]
        if self._free:
            return
        with self._changed:
            self.pending, self.sql, self.state = pending, sql, "stopped"
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.state != "stopped")

    def _release(self) -> None:
        with self._changed:
            if self.state == "stopped":
                self.state = "running"
                self._changed.notify_all()

    def _await_stop(self) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: self.state in ("stopped", "done"), PATIENCE):
                raise TimeoutError(f"{self.name} does not begin")

    def _run(self, operation: Callable[[], object]) -> None:
        _current.runner = self
        try:
            operation()
            self.outcome = "ok"
        except Refusal as refusal:
            self.outcome = refusal.code
        except Exception as error:  # noqa: BLE001 - the schedule's verdict, with its kind
            self.outcome = f"ERROR {type(error).__name__}: {str(error).splitlines()[0]}"
        with self._changed:
            self.state = "done"
            self._changed.notify_all()


_current = threading.local()


def _runner() -> Runner | None:
    return getattr(_current, "runner", None)


def _before_end(connection: Connection) -> None:
    runner = _runner()
    if runner:
        runner.stop(connection, "END", Footprint(ends=True))


@contextmanager
def stops(engines: Iterable[Engine], footprints: Footprints) -> Iterator[None]:
    """Make the runners' threads stop before what they send through these engines."""

    def before_statement(
        connection: Connection, _cursor: object, sql: str, parameters: Mapping[str, Any], *_: object
    ) -> None:
        runner = _runner()
        if runner and not sql.startswith("SELECT set_config("):  # the scope: it reads no row
            runner.stop(connection, sql, footprints.of(sql, parameters))

    hooks: list[tuple[str, Callable[..., object]]] = [
        ("before_cursor_execute", before_statement),
        ("commit", _before_end),
        ("rollback", _before_end),
    ]
    listened = [(engine, name, hook) for engine in engines for name, hook in hooks]
    for engine, name, hook in listened:
        event.listen(engine, name, hook)
    try:
        yield
    finally:
        for engine, name, hook in listened:
            event.remove(engine, name, hook)


@dataclass
class _Node:
    """A moment at which the scheduler chose."""

    pending: dict[str, Footprint]
    """Who could go on, with what."""
    asleep: set[str]
    """Who need not be tried (again)."""
    choice: str
    wanted: set[str]
    """Who must be tried."""
    met: dict[str, int]
    """The last step before of the other one that what is pending meets, or -1."""
    after: dict[str, int]
    """The last step of the other one that came before one's own steps whatever is tried, or -1."""

    def asleep_after(self) -> set[str]:
        """Who need not go next, since the orders in which they do were tried from here with the two swapped."""
        mine = self.pending[self.choice]
        return {name for name in self.asleep if name != self.choice and not self.pending[name].meets(mine)}

    def after_it(self) -> dict[str, int]:
        """``after`` when the choice has gone on."""
        return self.after | {self.choice: max(self.after[self.choice], self.met[self.choice])}


@dataclass
class Result:
    """How one order ended."""

    order: str
    outcomes: tuple[str, str]
    state: object


@dataclass
class Exploration:
    """Every order of two operations, each from the same beginning."""

    operations: tuple[Callable[[], object], Callable[[], object]]
    restore: Callable[[], None]
    digest: Callable[[], object]
    monitor: psycopg.Connection
    all_orders: bool = False
    """Also those that differ only by statements which cannot meet."""
    cut: int = 0
    """Orders given up on the way, since they turned out to be like one before."""
    _path: list[_Node] = field(default_factory=list)

    def serial(self) -> list[Result]:
        """The two orders of one after the other."""
        return [self._serially(("a", "b")), self._serially(("b", "a"))]

    def orders(self) -> Iterator[Result]:
        """How each order ended."""
        while True:
            result = self._run()
            if result:
                yield result
            if not self._turn_back():
                return

    def _runners(self) -> dict[str, Runner]:
        self.restore()
        return {name: Runner(name, operation) for name, operation in zip("ab", self.operations, strict=True)}

    def _serially(self, names: tuple[str, str]) -> Result:
        runners = self._runners()
        for name in names:
            runners[name].start()
            runners[name].finish()
        return Result("".join(names), (runners["a"].outcome, runners["b"].outcome), self.digest())

    def _run(self) -> Result | None:
        """One order: along the path as far as it goes, then on by the first choice. None where it was cut."""
        runners = self._runners()
        for runner in runners.values():
            runner.start()
        order, depth = "", 0
        while any(runner.state != "done" for runner in runners.values()):
            ready = {name: runner.pending for name, runner in runners.items() if runner.state == "stopped"}
            if not ready:  # both wait for each other: the server breaks it up
                for runner in runners.values():
                    runner.settle(lambda _pid: False)
                continue
            if depth == len(self._path) and not self._go_on(ready):
                self._abandon(runners)
                return None
            choice = self._path[depth].choice
            if choice not in ready:
                raise RuntimeError(f"the operations do not repeat themselves: {order} then {choice}")
            self._step(runners, choice)
            order, depth = order + choice, depth + 1
        return Result(order, (runners["a"].outcome, runners["b"].outcome), self.digest())

    def _go_on(self, ready: dict[str, Footprint]) -> bool:
        """Make the path a step longer. False where each that is ready was tried here, in an order like this one."""
        last = self._path[-1] if self._path else None
        met = {name: self._last_met(name, pending) for name, pending in ready.items()}
        after = last.after_it() if last else dict.fromkeys("ab", -1)
        for name, place in met.items():
            if place > after[name] and name in self._path[place].pending:
                self._path[place].wanted.add(name)
        asleep = last.asleep_after() if last and not self.all_orders else set()
        awake = [name for name in sorted(ready) if name not in asleep]
        if awake:
            wanted = set(awake) if self.all_orders else {awake[0]}
            self._path.append(_Node(ready, asleep, awake[0], wanted, met, after))
        return bool(awake)

    def _last_met(self, name: str, pending: Footprint) -> int:
        """The last step of the other one that this one meets."""
        steps = enumerate(self._path)
        met = (place for place, node in steps if node.choice != name and node.pending[node.choice].meets(pending))
        return max(met, default=-1)

    def _step(self, runners: dict[str, Runner], choice: str) -> None:
        ends = runners[choice].pending.ends
        runners[choice].step(self._is_blocked)
        for other in runners.values():
            if other.state == "waiting" and (ends or runners[choice].state == "done"):
                other.settle(self._is_blocked)

    def _abandon(self, runners: dict[str, Runner]) -> None:
        self.cut += 1
        for runner in runners.values():
            runner._free = True
        for runner in runners.values():
            runner._release()
        for runner in runners.values():
            runner.finish()

    def _turn_back(self) -> bool:
        """Make the path lead to the next order. False when all were tried."""
        while self._path:
            node = self._path[-1]
            node.asleep.add(node.choice)
            left = sorted(node.wanted - node.asleep)
            if left:
                node.choice = left[0]
                return True
            self._path.pop()
        return False

    def _is_blocked(self, pid: int) -> bool:
        row = self.monitor.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", (pid,)).fetchone()
        return bool(row and row[0])
