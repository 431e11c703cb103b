"""`stockledger export`: whole exports, ranges, rows for analysts, and what goes wrong."""

import asyncio
import csv
import json
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ledger.config import open_log
from ledger.domain.facts import Moved
from ledger.events.chain import GENESIS, Chain, link
from ledger.events.decoding import Codec
from ledger.log import Record
from ledger.writer.opening import open_partitions
from tests.unit.ops.exports import (
    BUSY,
    FLAGS,
    LEDGER_ID,
    PARTITIONS,
    SKU,
    bytes_of,
    forgotten,
    make_export,
    make_ledger,
    records_of,
    settings_of,
)
from tests.unit.ops.test_commands import Run, own_folder, run

__all__ = ["forgotten", "own_folder", "run"]

OUT = Path("out")


@pytest.fixture(autouse=True)
def _ledger(own_folder: None) -> None:
    make_ledger(Path("data"))
    make_export(Path("whole"))


def _exported(run: Run, *flags: str) -> dict[str, Any]:
    """The manifest of an export into OUT."""
    code, out, err = run("export", str(OUT), *FLAGS, *flags, "--json")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    assert found == json.loads((OUT / "manifest.json").read_text())
    return found


def _lines(partition: int, folder: Path = OUT) -> list[dict[str, Any]]:
    path = folder / f"log-{partition:05d}.ndjson"
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_full_export(run: Run) -> None:
    """Every record that counts, with its bytes; the manifest says what is there."""
    manifest = _exported(run)
    assert bytes_of(Path("whole")) == bytes_of(OUT)
    assert (manifest["ledger_id"], manifest["partitions"]) == (LEDGER_ID, PARTITIONS)
    assert (manifest["complete"], manifest["contents"], manifest["sku"]) == (True, "log", None)
    for partition, records in enumerate(records_of(Path("data"))):
        counting = [one for one in records if one.counts]
        lines = (OUT / f"log-{partition:05d}.ndjson").read_bytes().splitlines()
        assert [json.loads(line)["offset"] for line in lines] == [one.offset for one in counting]
        assert all(one.value in line for one, line in zip(counting, lines, strict=True))
        chain = Chain(partition)
        for record in counting:
            chain.accept(record)
        found = manifest["ranges"][partition]
        assert (found["from_head"], found["until_head"]) == (GENESIS, chain.head)
        assert (found["from_offset"], found["counting"]) == (0, len(counting))
        holes = 5 if partition == BUSY else 0
        assert found["until_offset"] == len(counting) + holes
        assert found["void"] == holes


def _time(record: Record) -> str:
    return str(json.loads(record.value)["time"])


def test_ranges(run: Run) -> None:
    """Positions and instants, both ends included; heads say where the range hangs in its chain."""
    records = records_of(Path("data"))[BUSY]
    manifest = _exported(run, "--from", f"{BUSY}:5", "--to", f"{BUSY}:9", "--partition", str(BUSY))
    assert [line["offset"] for line in _lines(BUSY)] == [5, 6, 7, 8, 9]
    (found,) = manifest["ranges"]
    heads = [link(BUSY, one.offset, one.key, one.value) for one in records[:10]]
    assert (found["from_head"], found["until_head"]) == (heads[4], heads[9])
    assert (found["from_offset"], found["until_offset"]) == (5, 10)
    assert not manifest["complete"]
    counting = [one for one in records if one.counts]
    moment = _time(counting[40])
    own = [one.offset for one in counting if _time(one) == moment]
    code, _, err = run("export", "at", *FLAGS, "--from", moment, "--to", moment)
    assert code == 0, err
    assert [line["offset"] for line in _lines(BUSY, Path("at"))] == own
    # Before the beginning is from the beginning.
    code, _, err = run("export", "early", *FLAGS, "--from", "1970-01-01T00:00:00Z")
    assert bytes_of(Path("early")) == bytes_of(Path("whole"))


def test_an_instant_before_all_partitions_were_opened(run: Run) -> None:
    """There was no ledger yet, so that none can be made of it; export and import agree."""

    async def opened() -> None:
        log = open_log(settings_of(Path("young")))
        await log.open()
        await open_partitions(log, "young", "EUR", count(1_700_000_000_000, 1_000).__next__)
        await log.close()

    Path("young").mkdir()
    asyncio.run(opened())
    flags = (*FLAGS, "--data-dir", "young", "--to")
    code, out, _ = run("export", "early", *flags, "2023-11-14T22:13:20Z")
    assert code == 0
    assert out.endswith("it cannot be imported: partition 1 was not opened by then\n")
    assert not json.loads(Path("early/manifest.json").read_text())["complete"]
    code, _, err = run("import", "early", *FLAGS, "--check")
    assert (code, "this is an export of a part of a log" in err) == (2, True)
    code, out, _ = run("export", "later", *flags, "2023-11-14T22:13:22Z")
    assert (code, out.endswith("it can be imported\n")) == (0, True)
    assert run("import", "later", *FLAGS, "--check")[0] == 0


def test_a_range_of_holes_alone(run: Run) -> None:
    """It hangs in the chain where the records around it do."""
    records = records_of(Path("data"))[BUSY]
    last = [one for one in records if one.counts][-1]
    holes = f"{BUSY}:{last.offset + 1}"
    found = _exported(run, "--from", holes)["ranges"][BUSY]
    head = link(BUSY, last.offset, last.key, last.value)
    assert (found["from_head"], found["until_head"]) == (head, head)
    assert (found["counting"], found["void"], found["rows"]) == (0, 2, 0)


def test_one_sku(run: Run) -> None:
    """Its records alone; the heads are still those of the partition."""
    manifest = _exported(run, "--sku", SKU)
    (found,) = manifest["ranges"]
    lines = _lines(BUSY)
    assert {line["key"] for line in lines} == {SKU}
    assert (len(lines), manifest["sku"]) == (found["rows"], SKU)
    assert found["rows"] < found["counting"]
    assert not manifest["complete"]


def _moved(folder: Path) -> list[tuple[int, Moved]]:
    found = []
    for partition, records in enumerate(records_of(folder)):
        facts = [Codec().decode(one)[1] for one in records if one.counts]
        found += [(partition, fact) for fact in facts if isinstance(fact, Moved)]
    return found


def test_rows_for_analysts(run: Run) -> None:
    """CSV and Parquet say the same: exact decimals, UTC, one row a movement."""
    moved = _moved(Path("data"))
    code, _, err = run("export", "csv", *FLAGS, "--format", "csv")
    assert code == 0, err
    with Path("csv/movements.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(int(row["partition"]), int(row["offset"])) for row in rows] == [
        (partition, fact.offset) for partition, fact in moved
    ]
    assert [Decimal(row["quantity"]) for row in rows] == [
        Decimal(fact.quantity).scaleb(-fact.scale) for _, fact in moved
    ]
    trails = {(row["credential"], row["origin"], row["request_id"]) for row in rows}
    assert trails == {("", "", ""), ("1f2e3d4c", "recordMovements@one", "request-1")}
    (pear,) = [row for row in rows if row["id"] == "m12"]
    assert (pear["quantity"], pear["to_lot"], pear["to_on_hand"]) == ("1.25", "L2", "1.25")
    assert (pear["from_account"], pear["from_location"]) == ("@supplier", "")
    manifest = _exported(run, "--format", "parquet")
    assert (manifest["contents"], manifest["complete"]) == ("movements", False)
    run("export", "again", *FLAGS, "--format", "parquet")
    assert bytes_of(Path("again")) == bytes_of(OUT)
    frame = pl.read_parquet("out/*.parquet").sort("partition", "offset")
    assert frame.height == len(rows) == sum(one["rows"] for one in manifest["files"])
    assert frame["quantity"].to_list() == [Decimal(row["quantity"]) for row in rows]
    assert frame["value"].sum() == sum((Decimal(row["value"]) for row in rows), Decimal(0))
    times = frame["recorded_at"].dt.strftime("%Y-%m-%dT%H:%M:%S").to_list()
    assert times == [row["recorded_at"][:19] for row in rows]
    for name in (
        "id",
        "sku",
        "type",
        "from_location",
        "to_location",
        "reason",
        "note",
        "actor",
        "origin",
    ):
        assert frame[name].fill_null("").to_list() == [row[name] for row in rows], name


def test_rows_of_many_files(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Parquet file ends after so many rows, and the next one goes on."""
    _exported(run, "--format", "parquet")
    monkeypatch.setattr("ops.exporting.tables.PARQUET_ROWS_MAX", 20)
    assert run("export", "parts", *FLAGS, "--format", "parquet")[0] == 0
    parts = [pl.read_parquet(path) for path in sorted(Path("parts").glob("*.parquet"))]
    assert {part["partition"].n_unique() for part in parts} == {1}
    assert max(part.height for part in parts) == 20
    assert pl.concat(parts).equals(pl.read_parquet("out/*.parquet"))


def test_rows_of_one_sku(run: Run) -> None:
    """The chain is followed over the others as well."""
    manifest = _exported(run, "--format", "csv", "--sku", "pear")
    with Path("out/movements.csv").open(newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == ["m12", "m13"]
    assert manifest["ranges"][0]["rows"] == 2


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--to", f"{BUSY}:99999"], f"there is no position {BUSY}:99999"),
        (["--from", "7:0"], "there is no partition 7: the log has 3, from 0 on"),
        (["--partition", "3"], "there is no partition 3"),
        (["--to", "1970-01-01T00:00:00Z"], "nothing was recorded in that range"),
        (["--from", "2100-01-01T00:00:00Z"], "nothing was recorded in that range"),
        (["--from", "0:2", "--to", "0:1", "--partition", "0"], "--from 0:2 lies behind --to 0:1"),
        (["--from", "1:0,0:2", "--to", "0:1,1:1"], "--from 0:2 lies behind --to 0:1"),
        (
            ["--from", "2026-11-22T10:00:00.000001Z", "--to", "2026-11-22T11:00:00+01:00"],
            "--from 2026-11-22T10:00:00.000001Z lies behind --to 2026-11-22T11:00:00+01:00",
        ),
        (["--from", "0:2,0:1"], "names a partition twice"),
        (["--from", "yesterday"], "--from yesterday is neither an instant"),
        (["--to", "2026-11-31T00:00:00Z"], "is neither an instant"),
        (["--sku", "\udcff"], "--sku: a SKU has 1 to 100 printable characters"),
        (["--sku", "nobody"], "nothing of the SKU nobody was recorded in that range"),
        (["--sku", SKU, "--partition", str((BUSY + 1) % PARTITIONS)], f"lies in partition {BUSY}"),
        (["--from", f"{(BUSY + 1) % PARTITIONS}:1", "--sku", SKU], "it is not exported"),
    ],
)
def test_an_order_that_fits_nothing(run: Run, flags: list[str], sentence: str) -> None:
    """In a sentence, and no folder is made."""
    code, _, err = run("export", str(OUT), *FLAGS, *flags)
    assert (code, sentence in err) == (2, True), err
    assert not OUT.exists()
