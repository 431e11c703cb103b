"""A checker that is not shown all of the log says so, and does not call the rest lost."""

import pytest

from ledger.errors import LogUnavailable
from ledger.replay import reading
from ops.check_history.check import Stored, check_log
from ops.check_history.history import History
from tests.unit.ops.exporting.test_bounds import Behind


async def test_the_rest_is_not_called_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Acknowledged movements there would be."""
    monkeypatch.setattr(reading, "BEHIND_SECONDS", 0.0)
    with pytest.raises(LogUnavailable, match="is not shown beyond offset"):
        await check_log(Behind(), History([]), Stored())
