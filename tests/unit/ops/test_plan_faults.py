"""What ends a run that `stockledger plan` makes: one sentence, and the code that fits it."""

import pytest

from ledger.config import Settings
from ops.console import ExitCode
from ops.faults import explain
from ops.plan import _made
from projections.database import DatabaseUnavailable
from projections.planning import run_process
from projections.planning.errors import PlanningError
from projections.planning.forecasting.library import ForecastExtraMissing
from projections.planning.parameters import InvalidParameters, Parameters
from projections.planning.reading import DemandNotReady
from projections.planning.run_orders import Order
from projections.planning.run_retention import Kept
from projections.planning.runs import Lease, RunLost

ORDER = Order(
    "sqlite+aiosqlite:///views.db",
    Lease("ledger-1", "run-1", "attempt-1"),
    Parameters(as_of="2026-01-31"),
    Kept(1, 1),
)


@pytest.mark.parametrize("grouped", [True, False])
@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (PlanningError("abc.basis", "no"), ExitCode.FOUND_WRONG, "run-1 failed: abc.basis: no"),
        (InvalidParameters("site", "no"), ExitCode.FOUND_WRONG, "run-1 failed: site: no"),
        (ForecastExtraMissing("install it"), ExitCode.FOUND_WRONG, "run-1 failed: install it"),
        (DemandNotReady("it lags"), ExitCode.FOUND_WRONG, "it lags"),
        (RunLost("no longer"), ExitCode.FOUND_WRONG, "no longer"),
        (DatabaseUnavailable("gone"), ExitCode.UNAVAILABLE, "cannot be used: gone"),
    ],
)
async def test_what_ends_a_run(
    error: Exception,
    code: ExitCode,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    *,
    grouped: bool,
) -> None:
    """It may come together with what was ended because of it."""

    async def fail(_: Order) -> None:
        raise ExceptionGroup("", [ExceptionGroup("", [error])]) if grouped else error

    monkeypatch.setattr(run_process, "make_run", fail)
    with pytest.raises(Exception) as raised:  # noqa: PT011 - any, for it is explained
        await _made(ORDER)
    told = explain(raised.value, Settings())
    assert told is not None
    assert told.code is code
    assert says in str(told)
