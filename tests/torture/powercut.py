"""Power cuts of SQLite, simulated: what could be on the disk afterwards, and what SQLite makes of it.

``Recorder`` is a VFS of apsw that notes every write, truncation and sync of each file. After a cut a file holds what
was written before its last sync, and of what came later any part: nothing, all, some writes, or single sectors.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import apsw

SECTOR = 512
"""Bytes that a disk writes whole or not at all."""
EXTENSIONS = ("", "-wal", "-journal")


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes at a place of a file; without data, the file cut to the length ``at``."""

    file: str
    at: int
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Sync:
    """All that was written to the file is on the disk."""

    file: str


@dataclass(frozen=True, slots=True)
class Delete:
    """The file is gone."""

    file: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The commit of the transaction of this number came back: somebody was told that it is done."""

    number: int


Entry = Write | Sync | Delete | Acknowledged


class Recorder(apsw.VFS):
    """A VFS over the usual one, with a log of what was written through it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.log: list[Entry] = []
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's word
        return _RecordedFile(self.log, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        self.log.append(Delete(_extension(filename)))
        super().xDelete(filename, syncdir)


class _RecordedFile(apsw.VFSFile):
    def __init__(self, log: list[Entry], name: Any, flags: list[int]) -> None:
        self._log = log
        self._name = _extension(name.filename() if hasattr(name, "filename") else str(name))
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._log.append(Write(self._name, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._log.append(Write(self._name, newsize, None))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        super().xSync(flags)
        self._log.append(Sync(self._name))


def _extension(path: str) -> str:
    return next((end for end in EXTENSIONS[1:] if path.endswith(end)), "")


@dataclass
class Recording:
    """A workload as SQLite wrote it: the file before, the log, and the rows after each transaction."""

    before: bytes
    log: list[Entry]
    states: list[str] = field(default_factory=list)

    def cut(self, place: int, random: Random) -> tuple[dict[str, bytes], int]:
        """What could be on the disk when the power goes before entry ``place``, and how many commits came back."""
        synced = {entry.file: number for number, entry in enumerate(self.log[:place]) if isinstance(entry, Sync)}
        lost = random.choice((_lose_all, _keep_all, _keep_some_writes, _keep_some_sectors))
        files: dict[str, bytearray] = {"": bytearray(self.before)}
        acknowledged = 0
        for number, entry in enumerate(self.log[:place]):
            if isinstance(entry, Acknowledged):
                acknowledged = entry.number
            elif isinstance(entry, Delete):
                files.pop(entry.file, None)
            elif isinstance(entry, Write):
                parts = [entry] if number < synced.get(entry.file, -1) else lost(entry, random)
                for part in parts:
                    _apply(files.setdefault(entry.file, bytearray()), part)
        return {name: bytes(content) for name, content in files.items()}, acknowledged


def _lose_all(_write: Write, _random: Random) -> Iterable[Write]:
    return ()


def _keep_all(write: Write, _random: Random) -> Iterable[Write]:
    return (write,)


def _keep_some_writes(write: Write, random: Random) -> Iterable[Write]:
    return (write,) if random.random() < 0.5 else ()


def _keep_some_sectors(write: Write, random: Random) -> Iterable[Write]:
    """Each sector that the write touches, or not."""
    if write.data is None:
        return _keep_some_writes(write, random)
    start, end = write.at, write.at + len(write.data)
    edges = [start, *range((start // SECTOR + 1) * SECTOR, end, SECTOR), end]
    return [
        Write(write.file, left, write.data[left - start : right - start])
        for left, right in pairwise(edges)
        if random.random() < 0.5
    ]


def _apply(content: bytearray, write: Write) -> None:
    if write.data is None:
        del content[write.at :]
        return
    if len(content) < write.at:
        content.extend(bytes(write.at - len(content)))
    content[write.at : write.at + len(write.data)] = write.data


def record(before: Path, statements: Sequence[Sequence[str]], pragmas: dict[str, str], folder: Path) -> Recording:
    """Carry out the transactions on a copy of the file and note what SQLite writes.

    The wal-index is in memory (locking mode exclusive): nothing on the disk depends on it, a restart builds it anew.
    """
    path = folder / "recorded.db"
    path.write_bytes(before.read_bytes())
    recorder = Recorder(f"recorder-{path}")
    connection = apsw.Connection(str(path), vfs=recorder.name)
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    for name, value in pragmas.items():
        connection.execute(f"PRAGMA {name}={value}").fetchall()
    recording = Recording(before.read_bytes(), recorder.log, [rows(connection)])
    for number, transaction in enumerate(statements, 1):
        for statement in transaction:
            connection.execute(statement).fetchall()
        recorder.log.append(Acknowledged(number))
        recording.states.append(rows(connection))
    recording.log = list(recorder.log)  # closing tidies up, which a cut prevents
    connection.close()
    recorder.unregister()
    return recording


def rows(connection: Any) -> str:
    """All rows of all tables."""
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
    return repr([(name, connection.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall()) for (name,) in names])


def recovered(files: dict[str, bytes], folder: Path) -> sqlite3.Connection:
    """What was left on the disk, opened by SQLite as after a restart."""
    for end in (*EXTENSIONS, "-shm"):
        path = folder / f"cut.db{end}"
        path.unlink(missing_ok=True)
        if end in files:
            path.write_bytes(files[end])
    return sqlite3.connect(folder / "cut.db", isolation_level=None)
