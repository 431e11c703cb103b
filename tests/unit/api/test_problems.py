"""The one table from codes to statuses."""

import json
from typing import get_args

import pytest

from api.problems import PROBLEMS, Problem, internal, of_fault, of_status
from ledger import errors
from ledger.domain.rejections import Code
from projections.positions import ViewLagging


def test_every_code_of_the_ledger_has_a_status() -> None:
    """And every status is one of an error."""
    assert set(get_args(Code)) <= PROBLEMS.keys()
    assert {status // 100 for status, _ in PROBLEMS.values()} == {4, 5}


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("insufficient_stock", 409),
        ("version_conflict", 409),
        ("already_reversed", 409),
        ("not_reversible", 409),
        ("idempotency_key_reused", 422),
        ("invalid_quantity", 422),
        ("unknown_item", 422),
        ("unknown_movement", 404),
        ("too_large", 413),
        ("rate_limited", 429),
        ("unavailable", 503),
        ("view_lagging", 503),
    ],
)
def test_statuses_are_promises(code: str, status: int) -> None:
    """Clients rely on them."""
    assert PROBLEMS[code][0] == status


def test_the_document() -> None:
    """RFC 9457, with the code and the numbers beside the standard members."""
    answer = Problem("insufficient_stock", "none", members={"requested": "6"}).answer()
    assert answer.media_type == b"application/problem+json"
    assert json.loads(answer.body) == {
        "type": "urn:problem-type:stockledger:insufficient_stock",
        "title": "There is not enough stock",
        "status": 409,
        "code": "insufficient_stock",
        "detail": "none",
        "requested": "6",
    }


def test_a_503_says_when_to_try_again() -> None:
    """Once, whatever made it."""
    for problem in (Problem("unavailable", "x"), of_fault(errors.QueueFull()), of_status(503)):
        names = [name for name, _ in problem.answer().headers]
        assert names.count(b"retry-after") == 1


def test_a_fault_keeps_its_words_to_itself() -> None:
    """They may name hosts, files and passwords."""
    problem = of_fault(errors.LogUnavailable("kafka://user:secret@10.0.0.1"))
    assert problem.code == "unavailable"
    assert "secret" not in problem.detail
    assert of_fault(ViewLagging("x")).code == "view_lagging"
    assert internal("abc").members == {"request_id": "abc"}


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, "not_found"),
        (405, "method_not_allowed"),
        (418, "invalid_request"),
        (502, "internal_error"),
    ],
)
def test_bare_statuses(status: int, code: str) -> None:
    """Whatever the framework raises becomes a problem."""
    assert of_status(status).code == code
