"""Processes that read the log into views: they end before whoever started them goes on."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from ledger.config import Settings
from ops import rebuild_processes
from ops.partition_processes import Stopped
from projections.rebuilding.build import Way


async def test_who_is_cancelled_waits_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else they would write to views that somebody else builds on."""
    begun, ended = threading.Event(), threading.Event()

    def reading(_work: Any, _ends: Any, _jobs: int, told: Callable[[int], None], _: None) -> None:
        begun.set()
        try:
            while True:
                told(1)
                time.sleep(0.01)
        except Stopped:
            time.sleep(0.1)  # the slice at hand
            ended.set()
            raise

    monkeypatch.setattr(rebuild_processes, "over_partitions", reading)
    way = Way("sqlite://", {0: 0, 1: 0}, {0: 9, 1: 9})
    ahead = asyncio.create_task(
        rebuild_processes.run_ahead(Settings(_env_file=None), 2, way, lambda _: None)
    )
    await asyncio.to_thread(begun.wait)
    ahead.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ahead
    assert ended.is_set()
