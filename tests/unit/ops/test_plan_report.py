"""What `stockledger plan` says of a repetition."""

import io
from typing import Any

import pytest
from rich.console import Console

from ops.plan_report import show_repeated


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ({"equal": True, "count": 0, "compared_rows": 1234}, "1,234 rows compared: equal, digit"),
        ({"equal": True, "count": 0, "compared_rows": None}, "(results are deleted) compared: eq"),
        ({"equal": False, "count": 2, "compared_rows": 5}, "5 rows compared: 2 differences"),
        ({"equal": False, "count": 0, "compared_rows": None}, "compared: another digest"),
        ({"equal": False, "count": 0, "compared_rows": 5}, "with another digest, as of results"),
    ],
)
def test_what_a_repetition_came_to(found: dict[str, Any], says: str) -> None:
    """What is not equal is never said to have no differences."""
    out = io.StringIO()
    console = Console(file=out, width=200)
    show_repeated(console, {"run_id": "r", "differences": [], **found})
    assert says in out.getvalue()
