"""Writing a replay to a file: the same answer gives the same bytes."""

import csv
import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Final, Literal

import msgspec

from ledger.presence import exists, is_dir, is_file, is_symlink
from ledger.whole_files import in_place_of
from ops.console import CommandError
from ops.replay.answer import SkuAnswer

Format = Literal["ndjson", "csv"]
FORMATS: Final[tuple[Format, ...]] = ("ndjson", "csv")
CSV_COLUMNS: Final = (
    "kind", "sku", "name", "unit", "location", "lot", "status", "opening", "in", "out", "on_hand",
    "available", "on_order", "value", "supply_order", "order", "supplier", "ordered", "received",
    "outstanding", "placed_at", "expected_at",
)  # fmt: skip
_encode = msgspec.json.Encoder().encode


def format_of(path: Path, wanted: str | None) -> Format:
    """The format asked for, or that of the name. Raises CommandError."""
    name = wanted or path.suffix.removeprefix(".").lower()
    for known in FORMATS:
        if name == known:
            return known
    raise CommandError(f"--format is {' or '.join(FORMATS)}; the name {path.name} says neither")


def check_target(path: Path) -> None:
    """Say before a long replay that the file cannot be written after it. Raises CommandError."""
    if is_dir(path):
        raise CommandError(f"{path} is a directory")
    if is_symlink(path) or (exists(path) and not is_file(path)):
        # The file takes the place of what is there: of a device as well, if it may.
        raise CommandError(f"{path} is a link or a device, and no file")
    if not is_dir(path.parent):
        raise CommandError(f"there is no directory {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise CommandError(f"the directory {path.parent} cannot be written")


def write(
    path: Path,
    kind: Format,
    head: dict[str, Any],
    skus: Iterable[SkuAnswer],
    totals: dict[str, Any],
) -> None:
    """Write all of it, or leave what is there as it is. Raises OSError."""
    with in_place_of(path) as file:
        if kind == "csv":
            text = io.TextIOWrapper(file, encoding="utf-8", newline="")
            _write_csv(text, skus)
            text.detach()
            return
        for line in _lines(head, skus, totals):
            file.write(line + b"\n")


def _lines(
    head: dict[str, Any], skus: Iterable[SkuAnswer], totals: dict[str, Any]
) -> Iterator[bytes]:
    """The first line says what it is; a file without the last one was cut short."""
    yield _encode({"kind": "replay", **head})
    for sku in skus:
        yield _encode({"kind": "sku", **msgspec.to_builtins(sku)})
    yield _encode({"kind": "totals", **totals})


def _write_csv(file: IO[str], skus: Iterable[SkuAnswer]) -> None:
    writer = csv.DictWriter(file, CSV_COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for sku in skus:
        writer.writerows(_rows(sku))


def _rows(sku: SkuAnswer) -> Iterator[dict[str, Any]]:
    """A line of the SKU, one of each stock key, one of each open line of a supply order."""
    of_all = {"sku": sku.sku, "unit": sku.unit}
    yield {
        "kind": "sku",
        **of_all,
        "name": (sku.item.name if sku.item is not None else None) or "",
        "on_hand": sku.on_hand,
        "available": sku.available,
        "on_order": sku.on_order,
        "value": sku.value,
    }
    for key in sku.stock:
        yield {"kind": "stock", **of_all, **msgspec.to_builtins(key)}
    for line in sku.supply:
        fields = msgspec.to_builtins(line)
        identity, ordered = fields.pop("id"), fields.pop("quantity")
        yield {"kind": "supply", **of_all, "supply_order": identity, "ordered": ordered, **fields}
