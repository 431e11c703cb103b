"""Policies that a run is asked for, before it is made."""

import pytest

from projections.planning import run_policies
from projections.planning.parameters import InvalidParameters, Parameters, Policies, PolicyPart
from projections.planning.run_policies import check_policies

CELLS = 9


def asking(**skus: PolicyPart) -> Parameters:
    """A run with policies of these SKUs."""
    return Parameters(as_of="2026-01-31", policies=Policies(skus=skus))


def test_equal_policies_are_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many SKUs have them, and whatever levels of their own."""
    parts = []
    policy = run_policies._policy

    def watched(parameters: Parameters, part: PolicyPart, cell: str) -> object:
        parts.append(part)
        return policy(parameters, part, cell)

    monkeypatch.setattr(run_policies, "_policy", watched)
    shared = {
        f"S{number}": PolicyPart(
            level=f"0.{90 + number % 2}", replenishment="min_max", minimum=str(number)
        )
        for number in range(1_000)
    }
    check_policies(asking(**shared))
    assert len(parts) == CELLS + 2 * CELLS


def test_the_first_wrong_one_is_named() -> None:
    """By its SKU, though the same is said of others."""
    fine, wrong = PolicyPart(level="0.9"), PolicyPart(cover_days="3")
    with pytest.raises(InvalidParameters) as refused:
        check_policies(asking(A=fine, C=wrong, B=wrong, D=fine))
    assert refused.value.field == "policies.skus.C.cover_days"
