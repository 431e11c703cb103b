"""What became of a command, as an HTTP answer; and of many, as the results of a bulk."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec

from api.answers import POSITION_HEADER, REPLAYED, Answer, Header, document, encode
from api.commands import Entry, Invalid
from api.faults import FAULTS
from api.positions import position_header
from api.problems import Problem, of_refusal, unavailable
from api.written import written
from ledger.domain import codes
from ledger.domain.facts import Moved, Refused
from ledger.domain.items import ItemDefined
from ledger.domain.rejections import Rejected
from ledger.domain.supply import SUPPLY_FACTS, SupplyFact
from ledger.events.documents import movement_document, stock_document
from ledger.events.supply_documents import supply_document
from ledger.ownership.questions import Preview
from ledger.writer.outcomes import ANSWERED, Outcome, Replayed, Unavailable, Unknown

_KEY_REUSED: Final = "idempotency_key_reused"
_UNRECORDED: Final = frozenset({_KEY_REUSED, "level_too_low"})
# The writers' own words may name brokers and files: they are in the log.
_UNKNOWN: Final = "whether it was written is not known yet; send the same id again"
_UNAVAILABLE: Final = "nothing was written; try again"


def item_document(sku: str, item: Any) -> dict[str, Any]:
    """An item as callers see it."""
    fields: dict[str, Any] = msgspec.structs.asdict(item)
    return {"sku": sku, **fields}


def answer_outcome(partition: int, outcome: Outcome, identity: str) -> Answer:
    """The answer to a single command; raises a Problem where it did not succeed."""
    fact: Any = outcome
    status = HTTPStatus.CREATED
    extra: tuple[Header, ...] = ()
    if type(outcome) is Replayed:
        fact, status, extra = outcome.fact, HTTPStatus.OK, (REPLAYED,)
    if type(fact) is Moved:
        body = written(fact, partition)
    elif type(fact) is ItemDefined:
        status = HTTPStatus.OK
        content = {
            "id": fact.id,
            "item": item_document(fact.sku, fact.item),
            "position": {"partition": partition, "offset": fact.offset},
        }
        body = encode(content)
    elif isinstance(fact, SUPPLY_FACTS):
        body = encode(supply_document(fact, partition))
    else:
        raise _problem(partition, fact, identity, extra)
    position = (POSITION_HEADER, b"%d:%d" % (partition, fact.offset))
    return Answer(status, body, (position, *extra))


def answer_dry_run(outcome: Preview, identity: str) -> Answer:
    """What would have become of a command: nothing is written and no freshness is promised."""
    if isinstance(outcome, Rejected):
        raise of_refusal(outcome, identity=shown_id(identity))
    if isinstance(outcome, Replayed):
        if isinstance(outcome.fact, Refused):
            raise _problem(-1, outcome.fact, identity, (REPLAYED,))
        return document(HTTPStatus.OK, _would_be(outcome.fact), (REPLAYED,))
    return document(HTTPStatus.OK, _would_be(outcome))


def _would_be(fact: Moved | ItemDefined | SupplyFact) -> dict[str, Any]:
    if isinstance(fact, SUPPLY_FACTS):
        return supply_document(fact, None)
    if isinstance(fact, ItemDefined):
        return {"id": fact.id, "item": item_document(fact.sku, fact.item)}
    return {"movement": movement_document(fact, None), "stock": stock_document(fact)}


def _problem(
    partition: int,
    outcome: Refused | Rejected | Unknown | Unavailable,
    identity: str,
    extra: tuple[Header, ...],
) -> Problem:
    if isinstance(outcome, Refused):
        refusal = Rejected(outcome.code, outcome.detail, numbers=outcome.numbers)  # type: ignore[arg-type]
        position = (partition, outcome.offset) if partition >= 0 else None
        problem = of_refusal(refusal, identity=outcome.id, position=position)
    elif isinstance(outcome, Rejected):
        problem = of_refusal(outcome, identity=shown_id(identity))
    elif isinstance(outcome, Unknown):
        FAULTS.of_partition(partition, outcome.detail)
        problem = unavailable(_UNKNOWN, identity=identity)
    else:
        FAULTS.of_partition(partition, outcome.detail)
        problem = unavailable(
            _UNAVAILABLE,
            identity=shown_id(identity),
            retry_after_seconds=outcome.retry_after_seconds,
        )
    problem.headers = (*problem.headers, *extra)
    return problem


def shown_id(identity: str | None) -> str | None:
    """An id is repeated only where it is one."""
    return identity if identity is not None and codes.check_id(identity) is None else None


class _Position(msgspec.Struct, gc=False):
    partition: int
    offset: int


class _Accepted(msgspec.Struct, gc=False):
    """The usual result of a bulk. A class of its own, because that is made and encoded fastest."""

    index: int
    status: str
    id: str
    position: _Position


class _Result(msgspec.Struct, gc=False, omit_defaults=True):
    """Any other result; the order of fields is the order on the wire."""

    index: int
    status: str
    id: str | None
    position: _Position | None = None
    code: str | None = None
    detail: str | None = None
    line: int | None = None
    replayed: bool = False


class BulkResults:
    """Collects what became of the items of one bulk, in their order."""

    __slots__ = ("_lines", "_positions", "_results", "submitted", "unavailable")

    def __init__(self, lines: Sequence[int] | None = None) -> None:
        """Nothing is known yet. `lines` has the line of each item where it came as NDJSON."""
        self._lines = lines
        self._results: list[_Accepted | _Result] = []
        self._positions: dict[int, int] = {}
        # Whether anything reached the log, and whether anything could not.
        self.submitted = False
        self.unavailable: Unavailable | None = None

    def add_all(self, entries: Sequence[Entry], outcomes: list[tuple[int, Outcome]]) -> None:
        """Add the results of `entries`; `outcomes` has one for each that is a command."""
        answers = iter(outcomes)
        positions = self._positions
        append = self._results.append
        for index, entry in enumerate(entries):
            if type(entry) is Invalid:
                append(self._invalid(index, entry.id, "invalid_request", entry.detail))
                continue
            partition, outcome = next(answers)
            if type(outcome) is Moved:
                offset = outcome.offset
                append(_Accepted(index, "accepted", outcome.id, _Position(partition, offset)))
                if offset > positions.get(partition, -1):
                    positions[partition] = offset
            else:
                self._add_other(index, entry.id, partition, outcome)
        self.submitted = self.submitted or bool(positions)

    def _add_other(
        self, index: int, identity: str | None, partition: int, outcome: Outcome
    ) -> None:
        """Everything but a plain success."""
        fact: Any = outcome.fact if isinstance(outcome, Replayed) else outcome
        replayed = fact is not outcome
        if isinstance(fact, ANSWERED):
            place = _Position(partition, fact.offset)
            self._positions[partition] = max(fact.offset, self._positions.get(partition, 0))
            if isinstance(fact, Refused):
                result = _Result(
                    index, "rejected", fact.id, place, fact.code, fact.detail, None, replayed
                )
            else:
                result = _Result(index, "replayed" if replayed else "accepted", fact.id, place)
        elif isinstance(fact, Rejected):
            # All but these refusals that nobody records are of a malformed item.
            self.submitted = self.submitted or fact.code == _KEY_REUSED
            known = shown_id(identity)
            if fact.code in _UNRECORDED:
                result = _Result(index, "rejected", known, None, fact.code, fact.detail)
            else:
                result = self._invalid(index, known, fact.code, fact.detail)
        elif isinstance(fact, Unknown):
            FAULTS.of_partition(partition, fact.detail)
            self.submitted = True
            result = _Result(index, "unknown", identity, None, "unavailable", _UNKNOWN)
        else:
            FAULTS.of_partition(partition, fact.detail)
            self.unavailable = fact
            result = _Result(
                index, "rejected", shown_id(identity), None, "unavailable", _UNAVAILABLE
            )
        self._results.append(result)

    def _invalid(self, index: int, identity: str | None, code: str, detail: str) -> _Result:
        """What is malformed, with its line where there is one."""
        line = None if self._lines is None else self._lines[index]
        return _Result(index, "invalid", identity, None, code, detail, line)

    def answer(self) -> Answer:
        """200 with all results, or the problem where nothing could be submitted at all."""
        if self.unavailable is not None and not self.submitted:
            raise unavailable(
                "nothing of this bulk was written; try again",
                retry_after_seconds=self.unavailable.retry_after_seconds,
            )
        headers = (position_header(self._positions),) if self._positions else ()
        body = b'{"results":' + encode(self._results) + b"}"
        return Answer(HTTPStatus.OK, body, headers)
