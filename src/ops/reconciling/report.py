"""What a reconciliation found: for people, for programs, and as a table in a file."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from ledger.domain.codes import instant_text
from ledger.domain.quantities import text
from ledger.whole_files import in_place_of
from ops.reconciling.applying import Applied
from ops.reconciling.compare import Row
from ops.reconciling.keys import Key
from ops.reconciling.proposals import Adjustment, movement
from ops.reconciling.reconcile import Order, Outcome
from ops.tables import Table
from ops.whole_files import unwritten

# A cell that begins so is taken for a formula by spreadsheets.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
COLUMNS = (
    "sku", "location", "lot", "status", "kind", "stated", "on_hand", "adjusted", "difference",
    "lines", "proposal", "why_not",
)  # fmt: skip


def document(order: Order, outcome: Outcome, applied: Sequence[Applied] | None) -> dict[str, Any]:
    """The document of `--json`, but for the file."""
    counts = Counter(row.kind for row in outcome.rows)
    found: dict[str, Any] = {
        "statement_id": order.policy.statement_id,
        "lines": order.statement.count,
        "skipped": order.statement.skipped,
        "compared": order.level.parts,
        "moment": _moment(order, outcome),
        "counts": dict(sorted(counts.items())),
        "unreadable": [
            {"line": one.line, "detail": one.detail, "sku": one.key.sku if one.key else None}
            for one in outcome.unreadable
        ],
        "differences": [_row(row) for row in outcome.differences],
        "adjustments": [
            movement(one, order.policy) for some in outcome.adjustments.values() for one in some
        ],
        "unproposed": [{**_key(one.row.key), "why": one.why} for one in outcome.unproposed],
    }
    if applied is not None:
        found["applied"] = [_applied(one) for one in applied]
    return found


def _moment(order: Order, outcome: Outcome) -> dict[str, Any]:
    instant = None if order.as_of_us is None else instant_text(order.as_of_us)
    return {
        "as_of": instant,
        "as_of_position": {
            str(partition): offset - 1
            for partition, offset in sorted(outcome.moment.until.items())
            if offset
        },
    }


def _key(key: Key) -> dict[str, Any]:
    # No lot is null, and a part that is not compared is missing.
    names = {"sku": key.sku, "location": key.location, "lot": key.lot, "status": key.status}
    return {name: part or None for name, part in names.items() if part is not None}


def _row(row: Row) -> dict[str, Any]:
    return {
        **_key(row.key),
        "kind": row.kind,
        "stated": _text(row.stated, row.scale),
        "on_hand": _text(row.on_hand, row.scale),
        "adjusted": text(row.adjusted, row.scale),
        "difference": text(row.difference, row.scale),
        "lines": list(row.lines),
        "line_count": row.line_count,
    }


def _text(quantity: int | None, scale: int) -> str | None:
    return None if quantity is None else text(quantity, scale)


def _applied(one: Applied) -> dict[str, Any]:
    at = one.result.position
    return {
        "id": one.adjustment.id,
        "status": one.result.status,
        "code": one.result.code,
        "detail": one.result.detail,
        "position": None if at is None else f"{at.partition}:{at.offset}",
    }


def show(console: Console, order: Order, outcome: Outcome, shown_max: int) -> None:
    """Counts, and the first differences with what is proposed."""
    counts = Counter(row.kind for row in outcome.rows)
    what = ", ".join(
        f"{count:,} {kind.replace('_', ' ')}" for kind, count in sorted(counts.items())
    )
    console.print(f"by {', '.join(order.level.parts)}, {_when(order, outcome)}", markup=False)
    console.print(f"{order.statement.count:,} lines: {what or 'nothing to compare'}", markup=False)
    for reason, count in order.statement.skipped.items():
        console.print(f"  skipped, {reason}: {count:,}", markup=False)
    for one in outcome.unreadable[:shown_max]:
        console.print(f"  line {one.line} cannot be read: {one.detail}", markup=False)
    _and_more(console, len(outcome.unreadable) - shown_max, "lines that cannot be read")
    differences = outcome.differences
    if shown := differences[:shown_max]:
        console.print(_table(outcome, shown))
    if differences:
        _and_more(console, len(differences) - shown_max, "differences")


def _and_more(console: Console, count: int, what: str) -> None:
    if count > 0:
        console.print(f"  and {count:,} more {what}; --json and --csv have all", markup=False)


def _when(order: Order, outcome: Outcome) -> str:
    if order.as_of_us is not None:
        return f"as of {instant_text(order.as_of_us)}"
    if order.positions is not None:
        at = _moment(order, outcome)["as_of_position"]
        return "as of position " + ",".join(f"{one}:{offset}" for one, offset in at.items())
    return "as of now"


def _table(outcome: Outcome, rows: Sequence[Row]) -> Table:
    # What is not compared is the same for all of them, and needs no room.
    shown = [name for name in Key._fields if getattr(rows[0].key, name) is not None]
    table = Table()
    for name in shown:
        table.add_column(name)
    for name in ("stated", "on hand", "difference"):
        table.add_column(name, justify="right")
    table.add_column("proposal")
    why = {one.row.key: one.why for one in outcome.unproposed}
    for row in rows:
        cells = [getattr(row.key, name) for name in shown]
        cells += [_text(one, row.scale) or "none" for one in (row.stated, row.on_hand)]
        cells.append(text(row.difference, row.scale))
        cells.append(why.get(row.key) or _proposal(row.key, outcome.adjustments.get(row.key, [])))
        table.add_row(*cells)
    return table


def _proposal(key: Key, adjustments: Iterable[Adjustment]) -> str:
    said = []
    for one in adjustments:
        # What stands in the row already is not said again.
        where = "" if one.at.location == key.location else f" at {one.at.location}"
        lot = f" lot {one.at.lot}" if one.at.lot and key.lot is None else ""
        said.append(f"{text(one.quantity, one.scale)} {one.reason}{where}{lot}")
    return "; ".join(said)


def show_applied(console: Console, outcome: Outcome, applied: Sequence[Applied] | None) -> None:
    """What became of the adjustments, one line each where it was not accepted."""
    if not outcome.differences:
        console.print("nothing differs", markup=False)
    if applied is None:
        if outcome.adjustments:
            count = sum(map(len, outcome.adjustments.values()))
            console.print(f"{count:,} adjustments are proposed; none is made", markup=False)
        return
    good = sum(1 for one in applied if one.result.is_good)
    console.print(f"{good:,} of {len(applied):,} adjustments are recorded", markup=False)
    for one in applied:
        if not one.result.is_good:
            at = " ".join(filter(None, one.adjustment.at))
            console.print(f"  {at}: {one.says}", markup=False)


def write_csv(path: Path, outcome: Outcome) -> None:
    """Every key, also those that are equal, and every line that cannot be read."""
    why = {one.row.key: one.why for one in outcome.unproposed}
    try:
        with in_place_of(path) as raw:
            file = io.TextIOWrapper(raw, encoding="utf-8", newline="")
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            for row in outcome.rows:
                writer.writerow(_cells(row, outcome, why.get(row.key, "")))
            for one in outcome.unreadable:
                cells = {"kind": "unreadable_line", "lines": one.line, "why_not": safe(one.detail)}
                writer.writerow(cells | _key_cells(one.key))
            file.detach()
    except OSError as error:
        raise unwritten(path, error) from None


def _cells(row: Row, outcome: Outcome, why: str) -> dict[str, Any]:
    # Numbers are this program's own, so that a minus may stand in front of them.
    return _key_cells(row.key) | {
        "kind": row.kind,
        "stated": _text(row.stated, row.scale),
        "on_hand": _text(row.on_hand, row.scale),
        "adjusted": text(row.adjusted, row.scale),
        "difference": text(row.difference, row.scale),
        "lines": " ".join(map(str, row.lines)),
        "proposal": safe(_proposal(row.key, outcome.adjustments.get(row.key, []))),
        "why_not": safe(why),
    }


def _key_cells(key: Key | None) -> dict[str, Any]:
    return {} if key is None else {name: safe(part) for name, part in _key(key).items() if part}


def safe(cell: str) -> str:
    """A text that no spreadsheet takes for a formula: with an apostrophe where it would."""
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell
