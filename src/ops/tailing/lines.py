"""A record as a line for people, and as a document for machines."""

from typing import Any

from ledger.domain.codes import instant_text
from ledger.domain.facts import Moved, Refused
from ledger.events.documents import movement_document
from ledger.events.trails import trail_document
from ledger.log import Record

Document = dict[str, Any]


def document(partition: int, record: Record, fact: object) -> Document:
    """What NDJSON says of a record. `fact` is None where it is void."""
    if isinstance(fact, Moved):
        return {"kind": "movement", **movement_document(fact, partition)}
    position = {"partition": partition, "offset": record.offset}
    if isinstance(fact, Refused):
        return {
            "kind": "refused",
            "id": fact.id,
            "type": fact.type,
            "sku": fact.sku,
            "code": fact.code,
            "detail": fact.detail,
            "numbers": fact.numbers,
            "quantity": fact.quantity,
            "location": fact.location,
            "recorded_at": instant_text(fact.recorded_ms * 1000),
            "actor": fact.actor,
            **trail_document(fact.trail),
            "position": position,
        }
    return {
        "kind": "void",
        "sku": record.key.decode(errors="replace"),
        "stated_offset": record.stated,
        "position": position,
    }


def line(shown: Document) -> str:
    """The same for people, without anything that could move a terminal's cursor."""
    place = f"{shown['position']['partition']}:{shown['position']['offset']}"
    text = {"movement": _movement, "refused": _refused, "void": _void}[shown["kind"]](shown)
    whole = f"{shown.get('recorded_at', '-')} {place} {text}"
    return "".join(one if one.isprintable() else "\ufffd" for one in whole)


def _movement(shown: Document) -> str:
    source, target = (_place(entry) for entry in shown["entries"])
    parts = [shown["type"], shown["quantity"], shown["sku"], f"{source} -> {target}"]
    lot = next((entry["lot"] for entry in shown["entries"] if entry.get("lot")), None)
    parts += [f"lot {lot}"] if lot else []
    left = (entry["on_hand"] for entry in shown["entries"] if "on_hand" in entry)
    parts.append(f"leaves {', '.join(left)}")
    parts.append(f"id {shown['id']}")
    if "reference" in shown:
        parts.append(f"for {shown['reference']['type']} {shown['reference']['id']}")
    if "reverses" in shown:
        parts.append(f"reverses {shown['reverses']}")
    parts += [shown["reason"]] if "reason" in shown else []
    parts += ["late"] if shown["late"] else []
    return f"{'  '.join(parts)}{_by(shown)}"


def _refused(shown: Document) -> str:
    wanted = [shown["quantity"]] if shown["quantity"] is not None else []
    parts = ["refused", shown["type"], *wanted, shown["sku"], shown["detail"], f"id {shown['id']}"]
    return f"{'  '.join(parts)}{_by(shown)}"


def _void(shown: Document) -> str:
    stated = shown["stated_offset"]
    where = "states no offset" if stated is None else f"was decided for offset {stated}"
    return f"void  {shown['sku']}  {where}"


def _place(entry: Document) -> str:
    if "account" in entry:
        return str(entry["account"])
    status = entry["status"]
    return f"{entry['location']}{'' if status == 'available' else f' ({status})'}"


def _by(shown: Document) -> str:
    return "" if shown["actor"] is None else f"  by {shown['actor']}"
