"""Two clocks: when it happened, and when it was recorded."""

import pytest

from ledger.domain.codes import instant_text
from ledger.domain.context import Rules
from tests import builders as make
from tests.builders import NOW_MS
from tests.given import given

NOW_US = NOW_MS * 1000
RULES = Rules(future_tolerance_us=1_000, backdate_limit_us=1_000_000, late_after_us=100)


def test_without_an_instant_it_happened_when_it_was_recorded() -> None:
    """And the command keeps none: the recorder's clock is not the caller's word."""
    fact = given(rules=RULES).when(make.receipt()).then(occurred_us=NOW_US, late=False)
    assert fact.command.occurred_at is None


@pytest.mark.parametrize(
    ("age_us", "late"),
    [(-1_000, False), (0, False), (100, False), (101, True), (1_000_000, True)],
)
def test_inside_the_limits(age_us: int, late: bool) -> None:
    """A little in the future is a clock that is off; what comes late is flagged."""
    occurred_at = instant_text(NOW_US - age_us)
    past = given(make.receipt(id="a"), rules=RULES)
    for command in (
        make.receipt(occurred_at=occurred_at),
        make.reversal("a", occurred_at=occurred_at),
    ):
        past.when(command).then(occurred_us=NOW_US - age_us, late=late, recorded_ms=NOW_MS)


@pytest.mark.parametrize("age_us", [-1_001, 1_000_001])
def test_outside_the_limits(age_us: int) -> None:
    """Further in the future or in the past is refused, for reversals as well."""
    occurred_at = instant_text(NOW_US - age_us)
    past = given(make.receipt(id="a"), rules=RULES)
    past.when(make.receipt(occurred_at=occurred_at)).malformed("invalid_time")
    past.when(make.reversal("a", occurred_at=occurred_at)).malformed("invalid_time")


def test_a_backdated_movement_rewrites_nothing() -> None:
    """It counts where it is recorded: balance and cost are those of now."""
    past = given(make.receipt("2", unit_cost="1"), make.issue("1"))
    yesterday = instant_text(NOW_US - 86_400_000_000)
    past.when(make.receipt("1", unit_cost="3", occurred_at=yesterday)).then(
        target_after=2, value=3_000_000, late=True
    )
    past.when(make.issue("2", occurred_at=yesterday)).refused("insufficient_stock")
