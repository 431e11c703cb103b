"""What may go wrong around a server that is no reason for it to end."""

import errno
import os
import socket
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from ledger.config import Settings
from ops import processes
from ops.serve import _say_ready


def test_nobody_reads_that_it_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of many processes once ended all of them for that."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        _say_ready(Settings(_env_file=None))
        stdout.write("what is written later goes nowhere")


def test_a_process_that_cannot_be_started_is_started_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """For want of memory, for example; those that run are not ended for it."""
    pipes: list[Any] = []

    def pipe(*, duplex: bool) -> Any:
        pipes.extend(made := real.Pipe(duplex=duplex))
        return made

    def fail() -> None:
        raise BlockingIOError(errno.EAGAIN, "no room")

    real = processes._spawn
    fake = SimpleNamespace(Pipe=pipe, Process=lambda **_: SimpleNamespace(start=fail))
    monkeypatch.setattr(processes, "_spawn", fake)
    with socket.socket() as listener:
        parent = processes._Parent(
            Settings(_env_file=None, processes=2), listener, lambda *_: None, lambda: None
        )
        parent._start(1)
    assert (parent._children, list(parent._due)) == ({}, [1])
    assert [one.closed for one in pipes] == [True, True]
