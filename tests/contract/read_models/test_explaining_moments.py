"""Why a balance was what it was at a moment, on both databases."""

from ledger.domain.codes import instant_text
from ledger.domain.facts import Moved
from ledger.domain.movements import Issue, Pick, Reversal, Transfer
from ledger.events.codec import encode
from ledger.log import Record
from projections.database import Database
from projections.explaining.scope import Scope
from projections.history.moments import Moment, resolve
from tests.contract.read_models.cases import START_MS, MemoryLog, Teller, receipt
from tests.contract.read_models.explained import pages_of
from tests.contract.read_models.projecting import project

SHELF, OUT = "MAIN/A", "OUT"
SCOPES: tuple[dict[str, str], ...] = (
    {}, {"location": "MAIN"}, {"location": OUT}, {"account": "@customer"}, {"account": "@supplier"},
)  # fmt: skip


def _history(log: MemoryLog) -> Teller:
    """Movements that were recorded later than they happened, one of them undone later still."""
    teller = Teller(log)
    for number in range(20):
        day = instant_text((START_MS - (number * 7 % 20) * 1_000) * 1_000)
        teller.tell(receipt(f"r{number}", "A", "9", location=SHELF, occurred_at=day))
        if number % 3 == 0:
            teller.tell(Issue(id=f"i{number}", sku="A", quantity="4", location=SHELF))
        if number % 4 == 0:
            teller.tell(Transfer(id=f"t{number}", sku="A", quantity="2", from_location=SHELF,
                                 to_location=OUT))  # fmt: skip
        if number % 5 == 0:
            teller.refuse(Pick(id=f"x{number}", sku="A", quantity="9999", location=SHELF))
            teller.void()
    teller.tell(Reversal(id="undo", sku="A", reverses="i0"))
    return teller


def _holds(scope: dict[str, str], account: str) -> bool:
    if "account" in scope:
        return account == scope["account"]
    return account[0] != "@" and account.startswith(scope.get("location", ""))


def _expected(teller: Teller, scope: dict[str, str], moment: Moment) -> list[tuple[str, int, int]]:
    """The model: one movement after the other, without SQL."""
    steps, balance = [], 0
    for fact in teller.facts:
        if not isinstance(fact, Moved) or fact.offset >= moment.until[0]:
            continue
        if moment.before is not None and (fact.occurred_us, fact.offset) >= moment.before:
            continue
        went, came = _holds(scope, fact.source), _holds(scope, fact.target)
        if went or came:
            balance += fact.quantity * (came - went)
            steps.append((fact.id, fact.quantity * (came - went), balance))
    return steps


async def test_every_step_at_every_moment(database: Database) -> None:
    """By recording, by occurrence, by both and by position; in both orders, page by page."""
    log = MemoryLog(1)
    teller = _history(log)
    await project(log, database)
    middle = teller.now_ms - 20
    for asked in (
        {"as_known_at_ms": middle}, {"as_of_us": (START_MS - 6_000) * 1_000},
        {"as_of_us": (START_MS - 6_000) * 1_000, "as_known_at_ms": middle},
        {"positions": {0: 17}}, {"positions": {0: -1}}, {"as_of_us": 0},
        {"as_known_at_ms": teller.now_ms + 1},
    ):  # fmt: skip
        async with database.reader() as reader:
            moment = await resolve(reader, **asked)
        for scope in SCOPES:
            expected = _expected(teller, scope, moment)
            then = expected[-1][2] if expected else 0
            for newest_first in (True, False):
                pages = await pages_of(
                    database, Scope(sku="A", **scope), newest_first=newest_first, limit=19,
                    moment=moment,
                )  # fmt: skip
                found = [
                    (step["id"], int(step["change"]), int(step["balance"]))
                    for page in pages
                    for step in page["items"]
                    if step["kind"] == "movement"
                ]
                assert found == (expected[::-1] if newest_first else expected), (asked, scope)
                assert (pages[0]["on_hand"], pages[0]["summary"]["agrees"]) == (str(then), True)
                assert pages[0]["as_of_position"] == {"0": moment.until[0] - 1}
                assert pages[-1]["opening" if newest_first else "closing"] == (
                    "0" if newest_first else str(then)
                )


async def test_what_came_later_is_not_named(database: Database) -> None:
    """Neither a reversal nor where a void record's id counts; attempts are those made by then."""
    log = MemoryLog(1)
    teller = Teller(log)
    teller.tell(receipt("r", "A", "6", location=SHELF))
    late = Issue(id="i", sku="A", quantity="1", location=SHELF)
    stated, before = teller.end, teller.head
    teller.refuse(Pick(id="x", sku="A", quantity="99", location=SHELF))
    copy = Teller(MemoryLog(1))
    copy.tell(receipt("r", "A", "6", location=SHELF))
    key, value = encode(copy.tell(late), teller.source, before)
    log.put(0, Record(teller.end, stated - 1, key, value, teller.now_ms))
    until = teller.end
    known_ms = teller.now_ms
    teller.tell(late)
    teller.tell(receipt("s", "A", "1", location=SHELF))
    teller.tell(Reversal(id="undo", sku="A", reverses="s"))
    await project(log, database)
    (page,) = await pages_of(
        database, Scope(sku="A"), newest_first=False, moment=Moment({0: until})
    )
    kinds = [step["kind"] for step in page["items"]]
    assert (kinds, page["on_hand"]) == (["movement", "refused", "void"], "6")
    assert page["items"][2]["counts_at"] is None
    (page,) = await pages_of(database, Scope(sku="A"), newest_first=False)
    assert page["items"][2]["counts_at"] == {"partition": 0, "offset": until}
    assert page["items"][4]["reversed_by"]["id"] == "undo"
    (page,) = await pages_of(
        database, Scope(sku="A"), newest_first=False, moment=Moment({0: until + 2})
    )
    assert page["items"][4]["reversed_by"] is None
    # By occurrence attempts are of the time at which they were recorded.
    for moved_ms, attempts in ((known_ms - 1, 0), (known_ms, 2)):
        moment = Moment({0: teller.end}, (moved_ms * 1_000 + 1, 0))
        (page,) = await pages_of(database, Scope(sku="A"), moment=moment)
        assert sum(step["kind"] != "movement" for step in page["items"]) == attempts
