"""What became of commands, as answers."""

import json
from typing import Any

import pytest

from api.commands import Invalid
from api.outcomes import BulkResults, answer_dry_run, answer_outcome
from api.problems import Problem
from ledger.domain.facts import Moved, Refused
from ledger.domain.items import Item, ItemDefined
from ledger.domain.movements import Receipt
from ledger.domain.rejections import Rejected
from ledger.writer.outcomes import Outcome, Replayed, Unavailable, Unknown

COMMAND = Receipt(sku="A", quantity="6", location="M", id='say "6"')


def moved(offset: int, identity: str = "m") -> Moved:
    command = Receipt(sku="A", quantity="6", location="M", id=identity)
    return Moved(
        offset, command, identity, "A", 6, 0, "@supplier", "M", 0, 6, 0, "none", 10**15, 10**12
    )


REFUSED = Refused(
    9, "r", "A", "issue", "f", "insufficient_stock", "6 requested, 1 available",
    {"requested": "6", "available": "1", "shortfall": "5"}, 10**12,
)  # fmt: skip


def bulk(*outcomes: tuple[int, Outcome]) -> tuple[list[dict[str, Any]], dict[bytes, bytes]]:
    results = BulkResults()
    results.add_all([COMMAND] * len(outcomes), list(outcomes))
    answer = results.answer()
    return json.loads(answer.body)["results"], dict(answer.headers)


def test_a_bulk_says_what_became_of_each() -> None:
    """Every kind of outcome, in the exact form; ids are escaped."""
    results, headers = bulk(
        (0, moved(3, 'say "6"\\')),
        (1, Replayed(moved(2))),
        (1, REFUSED),
        (0, Replayed(REFUSED)),
        (0, Rejected("idempotency_key_reused", "used")),
        (0, Rejected("invalid_quantity", "bad")),
        (0, Unknown("u", "broker 10.0.0.1 says no")),
        (0, Unavailable("v", "broker 10.0.0.1 says no")),
        (0, Rejected("level_too_low", "raise it")),
    )
    assert results[:3] == [
        {
            "index": 0,
            "status": "accepted",
            "id": 'say "6"\\',
            "position": {"partition": 0, "offset": 3},
        },
        {
            "index": 1,
            "status": "replayed",
            "id": "m",
            "position": {"partition": 1, "offset": 2},
        },
        {
            "index": 2,
            "status": "rejected",
            "id": "r",
            "position": {"partition": 1, "offset": 9},
            "code": "insufficient_stock",
            "detail": "6 requested, 1 available",
        },
    ]
    assert (results[3]["status"], results[3]["replayed"]) == ("rejected", True)
    assert [(one["status"], one["code"]) for one in results[4:]] == [
        ("rejected", "idempotency_key_reused"),
        ("invalid", "invalid_quantity"),
        ("unknown", "unavailable"),
        ("rejected", "unavailable"),
        ("rejected", "level_too_low"),
    ]
    assert headers == {b"ledger-position": b"0:9,1:9"}
    assert "10.0.0.1" not in json.dumps(results)


def test_a_bulk_of_which_nothing_was_submitted_is_503() -> None:
    """But 200 as soon as anything was, or where everything was malformed."""
    unavailable = Unavailable("v", "", 7)
    with pytest.raises(Problem) as caught:
        bulk((0, unavailable), (0, Rejected("invalid_quantity", "bad")))
    assert caught.value.status == 503
    assert (b"retry-after", b"7") in caught.value.headers
    for other in (moved(1), REFUSED, Unknown("u", ""), Rejected("idempotency_key_reused", "")):
        assert len(bulk((0, unavailable), (0, other))[0]) == 2
    assert bulk((0, Rejected("invalid_quantity", "bad")))[1] == {}


def test_invalid_items_stand_in_their_places() -> None:
    """Between those that were commands."""
    results = BulkResults()
    results.add_all([Invalid("i", "bad"), COMMAND, Invalid(None, "bad")], [(0, moved(1))])
    items = json.loads(results.answer().body)["results"]
    assert [one["status"] for one in items] == ["invalid", "accepted", "invalid"]
    assert [one["id"] for one in items] == ["i", "m", None]
    assert not any("line" in one for one in items)


def test_what_is_malformed_has_its_line() -> None:
    """Whether it could not be read or was refused for its form; nothing else has one."""
    outcomes: list[tuple[int, Outcome]] = [
        (0, moved(1)), (0, Rejected("invalid_quantity", "bad")), (0, REFUSED),
        (0, Rejected("idempotency_key_reused", "")),
    ]  # fmt: skip
    results = BulkResults([2, 3, 5, 6, 8])
    results.add_all([COMMAND, Invalid("i", "bad"), *[COMMAND] * 3], outcomes)
    items = json.loads(results.answer().body)["results"]
    assert [one.get("line") for one in items] == [None, 3, 5, None, None]


def test_a_single_outcome() -> None:
    """201, and 200 where it was answered before."""
    answer = answer_outcome(3, moved(17), "m")
    assert answer.status == 201
    assert dict(answer.headers) == {b"ledger-position": b"3:17"}
    assert json.loads(answer.body)["movement"]["position"] == {"partition": 3, "offset": 17}
    again = answer_outcome(3, Replayed(moved(17)), "m")
    assert (again.status, again.body) == (200, answer.body)
    assert dict(again.headers)[b"idempotency-replayed"] == b"true"
    defined = answer_outcome(3, ItemDefined(4, "i", "A", Item(), 10**12), "i")
    assert defined.status == 200
    assert json.loads(defined.body)["item"]["unit"] == "each"


def test_a_refusal_is_the_same_problem_again() -> None:
    """With the numbers behind it, and where it is recorded."""
    problems = []
    for outcome in (REFUSED, Replayed(REFUSED)):
        with pytest.raises(Problem) as caught:
            answer_outcome(3, outcome, "r")
        problems.append(caught.value)
    first, again = problems
    assert first.answer().body == again.answer().body
    assert first.members["shortfall"] == "5"
    assert first.members["position"] == {"partition": 3, "offset": 9}
    assert (b"idempotency-replayed", b"true") in again.headers


@pytest.mark.parametrize("outcome", [Unknown("m", "10.0.0.1"), Unavailable("m", "10.0.0.1", 2)])
def test_a_503_names_the_id_and_no_host(outcome: Outcome) -> None:
    """The same id is to be sent again."""
    with pytest.raises(Problem) as caught:
        answer_outcome(3, outcome, "m")
    answer = caught.value.answer()
    assert answer.status == 503
    assert json.loads(answer.body)["id"] == "m"
    assert b"10.0.0.1" not in answer.body
    assert b"retry-after" in dict(answer.headers)


def test_a_dry_run_has_no_position() -> None:
    """It promises nothing; a replay is told as such."""
    answer = answer_dry_run(moved(17), "m")
    assert answer.status == 200
    assert "position" not in json.loads(answer.body)["movement"]
    assert answer.headers == ()
    assert dict(answer_dry_run(Replayed(moved(17)), "m").headers) == {
        b"idempotency-replayed": b"true"
    }
    assert answer_dry_run(ItemDefined(4, "i", "A", Item(), 1), "i").status == 200
    for refusal in (Rejected("insufficient_stock", "no"), Replayed(REFUSED)):
        with pytest.raises(Problem, match=r"no|6 requested") as caught:
            answer_dry_run(refusal, "m")
        assert caught.value.status == 409
