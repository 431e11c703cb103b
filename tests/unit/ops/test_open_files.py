"""The bound of connections follows the limit of open files, which is raised where that may be."""

import resource
from pathlib import Path

import pytest

from api.limits import CONNECTIONS_MAX, FILES_KEPT
from ledger.config import Settings
from ops.health.finding import State
from ops.health.machine import check_files
from ops.open_files import connections_max

ENOUGH = CONNECTIONS_MAX + FILES_KEPT
UNLIMITED = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((1_024, UNLIMITED), ENOUGH, CONNECTIONS_MAX),
        ((1_024, 2 * ENOUGH), ENOUGH, CONNECTIONS_MAX),
        ((1_024, 4_096), 4_096, 4_096 - FILES_KEPT),
        ((400, 400), 400, 200),
        ((UNLIMITED, UNLIMITED), None, CONNECTIONS_MAX),
        ((2 * ENOUGH, UNLIMITED), None, CONNECTIONS_MAX),
    ],
)
def test_limits(
    before: tuple[int, int],
    after: int | None,
    expected: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The hard one stays; `after` is the soft one that is set, if one is."""
    set_to: list[tuple[int, tuple[int, int]]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: before)
    monkeypatch.setattr(resource, "setrlimit", lambda *given: set_to.append(given))
    assert connections_max() == expected
    what = [] if after is None else [(resource.RLIMIT_NOFILE, (after, before[1]))]
    assert set_to == what


@pytest.mark.parametrize("error", [ValueError("not allowed"), OSError(1, "not permitted")])
def test_a_limit_that_cannot_be_raised(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """What there is has to do."""

    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(resource, "getrlimit", lambda _: (1_024, UNLIMITED))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert connections_max() == 1_024 - FILES_KEPT


@pytest.mark.parametrize(
    ("hard", "state", "text"),
    [
        (resource.RLIM_INFINITY, State.GOOD, "no limit"),
        (4_096, State.GOOD, "4,096 allowed"),
        (4_095, State.WARN, "only 4,095 allowed, connections included"),
        (255, State.BAD, "only 255 allowed, connections included"),
    ],
)
def test_open_files(
    hard: int, state: State, text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What counts is the hard limit: the server raises the other one to it."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, hard))
    (found,) = check_files(Settings(data_dir=tmp_path))
    assert found[:3] == ("open files", state, text)
