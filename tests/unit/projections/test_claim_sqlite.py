"""The right to rebuild in SQLite: who holds it, who only looks."""

import sqlite3
import threading
from pathlib import Path

import pytest

from projections.rebuilding import claim_sqlite
from projections.rebuilding.claim_sqlite import is_taken, take
from projections.rebuilding.errors import RebuildRunning


def test_who_looks_is_in_nobodys_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader of the file is waited for; its holder is not, for longer than that."""
    path = tmp_path / "views.lock.db"
    assert not is_taken(path)
    assert not path.exists()
    take(path).close()
    reader = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    end = threading.Timer(0.05, reader.close)
    end.start()
    # However late a busy machine lets it close.
    monkeypatch.setattr(claim_sqlite, "LOOK_SECONDS_MAX", 60.0)
    held = take(path)
    end.join()
    assert is_taken(path)
    monkeypatch.setattr(claim_sqlite, "LOOK_SECONDS_MAX", 0.0)
    with pytest.raises(RebuildRunning):
        take(path)
    held.close()
    assert not is_taken(path)
