"""Parameters of the schedule that no run could be made with: refused before anything starts."""

import json
from pathlib import Path
from typing import Any

import pytest

from api.planning import scheduled_request
from projections.planning.parameters import InvalidParameters
from tests.unit.api.serving import settings_in


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"policies": {"cells": {"AX": {"cover_days": 3}}}}, "policies.cells.AX.cover_days: "),
        ({"policies": {"cells": {"DX": {"level": 0.9}}}}, "policies.cells.DX: "),
        ({"policies": {"skus": {"A": {"cover_days": 3}}}}, "policies.skus.A.cover_days: "),
        ({"costs": {"days_without_cost": 40, "days_max": 30}}, "costs."),
        ({"site": "MAIN", "publish": True}, "publish: "),
        ({"what_if": {"demand_percent": 5}}, "scheduled runs are about the present"),
    ],
)
def test_what_is_refused(tmp_path: Path, document: dict[str, Any], says: str) -> None:
    """As a request would be, with the setting's name before the path."""
    (tmp_path / "plan.json").write_text(json.dumps(document))
    with pytest.raises(InvalidParameters) as refused:
        scheduled_request(settings_in(tmp_path, planning_parameters=tmp_path / "plan.json"))
    assert refused.value.field == "planning_parameters"
    assert says in str(refused.value)


def test_names_are_not_looked_at(tmp_path: Path) -> None:
    """There may be nothing yet that could bear them."""
    (tmp_path / "plan.json").write_text(
        json.dumps({"site": "MAIN", "policies": {"skus": {"A": {"level": 0.9}}}})
    )
    settings = settings_in(tmp_path, planning_parameters=tmp_path / "plan.json")
    assert scheduled_request(settings).site == "MAIN"
