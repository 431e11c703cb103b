"""What `stockledger explain` shows to people."""

from typing import Any

from rich.console import Console

Document = dict[str, Any]


def show_explanation(console: Console, found: Document) -> None:
    """The balance, its sums by type, and each record with what it changed."""
    at = ", ".join(f"{one}:{offset}" for one, offset in found["as_of_position"].items())
    console.print(f"{_place(found)}: {found['on_hand']}, up to position {at}", markup=False)
    summary = found["summary"]
    if summary is not None:
        _show_summary(console, summary)
    for step in found["items"]:
        console.print(_line(step), markup=False)
    console.print(f"opening {found['opening']}, closing {found['closing']}", markup=False)
    if found["next_cursor"] is not None:
        console.print(f"more: --cursor {found['next_cursor']}", markup=False)


def _line(step: Document) -> str:
    """A record on one line, without anything that could move a terminal's cursor."""
    change = step["change"] if step["kind"] == "movement" else ""
    who = _who(step)
    text = (
        f"{_position(step['position']):>12}  {step['recorded_at']:<24}  {change:>10}  "
        f"{step['balance']:>10}  {_what(step)}{f'; by {who}' if who else ''}"
    )
    return "".join(one if one.isprintable() else "\ufffd" for one in text)


def _show_summary(console: Console, summary: Document) -> None:
    if not summary["complete"]:
        console.print(
            f"{summary['opening']} before the newest {summary['movements']:,} movements",
            markup=False,
        )
    for one in summary["by_type"]:
        late = f", {one['late']:,} late" if one["late"] else ""
        console.print(
            f"  {one['net']:>12}  {one['type']}: {one['movements']:,} movements, "
            f"in {one['in']}, out {one['out']}{late}",
            markup=False,
        )
    if summary["agrees"] is False:
        console.print(
            f"wrong: the movements leave {summary['opening']} unexplained; the views are broken",
            markup=False,
        )


def _place(found: Document) -> str:
    scope = found["scope"]
    parts = [found["sku"], scope["account"] or scope["location"] or "everywhere"]
    parts += [f"lot {scope['lot']}"] if scope["lot"] is not None else []
    parts += [scope["status"]] if scope["status"] is not None else []
    return " ".join(parts)


def _what(step: Document) -> str:
    kind = step["kind"]
    if kind == "refused":
        wanted = f" {step['quantity']}" if step["quantity"] is not None else ""
        return f"refused: {step['type']}{wanted} {step['id']}: {step['detail']}"
    if kind == "void":
        return _void(step)
    text = f"{step['type']} {step['quantity']} {step['id']}: {_way(step['entries'])}"
    notes = [
        "late" if step["late"] else "",
        f"reason {step['reason']}" if "reason" in step else "",
        _link("reverses", step["reversal_of"]),
        _link("reversed by", step["reversed_by"]),
    ]
    return "; ".join([text, *filter(None, notes)])


def _void(step: Document) -> str:
    if step["type"] is None:
        return "void: a record that nobody can read"
    counts = step["counts_at"]
    then = "it never counted" if counts is None else f"it counts at {_position(counts)}"
    quantity = f" {step['quantity']}" if step["quantity"] is not None else ""
    return f"void: {step['type']}{quantity} {step['id'] or ''}: {then}"


def _way(entries: list[Document]) -> str:
    source, target = (entry.get("account") or entry["location"] for entry in entries)
    return f"{source} to {target}"


def _link(word: str, linked: Document | None) -> str:
    return "" if linked is None else f"{word} {linked['id']} at {_position(linked['position'])}"


def _who(step: Document) -> str:
    names = (step["actor"], step.get("credential"), step.get("origin"), step.get("request_id"))
    return " ".join(name for name in names if name)


def _position(position: Document) -> str:
    return f"{position['partition']}:{position['offset']}"
