"""Who writes an embedded log: a process of its own where there is a core for it."""

from pathlib import Path

import pytest

from ledger.config import Settings, place


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Two cores, and no container; returns where one would say what it grants."""
    monkeypatch.delenv("STOCKLEDGER_LOG_PROCESS", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: {0, 1}, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(place, "CONTROL_GROUP", tmp_path / "cpu.max")
    return tmp_path / "cpu.max"


def settings(**values: object) -> Settings:
    """Of an embedded server, unless `values` say otherwise."""
    return Settings(**values)  # type: ignore[arg-type]


def chosen(**values: object) -> bool | None:
    """What the only server process does with such settings."""
    return place.alone(settings(**values)).log_process


def test_two_cores_have_one_for_the_log() -> None:
    """And those who say otherwise get what they say."""
    assert chosen() is True
    assert chosen(log_process=False) is False


def test_one_core_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless it is asked for."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: {1})
    assert chosen() is False
    assert chosen(log_process=True) is True


@pytest.mark.parametrize(
    ("granted", "process"),
    [
        ("max 100000\n", True),
        ("200000 100000\n", True),
        ("150000 100000\n", False),
        ("50000 50000\n", False),
        ("", True),
        ("what is this", True),
        ("100000 0\n", True),
    ],
)
def test_a_container_may_grant_less(two_cores: Path, granted: str, process: bool) -> None:
    """Than the machine has. What cannot be read grants all."""
    two_cores.write_text(granted)
    assert chosen() is process


def test_who_does_not_write_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor who writes elsewhere, or where processes are made differently."""
    assert chosen(roles="api,projector") is False
    assert chosen(kafka_bootstrap="127.0.0.1:9092") is None
    monkeypatch.setattr("sys.platform", "darwin")
    assert chosen() is False


def test_one_of_many_has_none() -> None:
    """They share the file, and each has a core at most."""
    mine = place.of_process(settings(processes=2), 0, 8001)
    assert mine.log_process is None
