"""`stockledger import`: the same log elsewhere; and every export that is not what it was."""

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from ledger.config import open_log, open_snapshots
from ledger.domain.movements import Receipt
from ledger.service import Ledger
from tests.unit.ops.exports import (
    BUSY,
    FLAGS,
    LEDGER_ID,
    PARTITIONS,
    SKU,
    bytes_of,
    counting_of,
    forgotten,
    make_export,
    make_ledger,
    records_of,
    settings_of,
)
from tests.unit.ops.test_commands import Run, own_folder, run

__all__ = ["forgotten", "own_folder", "run"]

OUT, NEW = Path("out"), Path("new")
INTO_NEW = ("import", "out", *FLAGS, "--data-dir", "new")
FILE = OUT / f"log-{BUSY:05d}.ndjson"


@pytest.fixture(autouse=True)
def _export(own_folder: None) -> None:
    make_ledger(Path("data"))
    make_export(OUT)


def test_a_whole_log(run: Run) -> None:
    """What counts lies where it lay, holes are void, and the same again changes nothing."""
    code, out, err = run(*INTO_NEW, "--json")
    assert code == 0, err
    done = json.loads(out)
    assert done["ledger_id"] == LEDGER_ID
    assert counting_of(NEW) == counting_of(Path("data"))
    assert any(trace for part in counting_of(NEW) for *_, trace in part)
    there = records_of(NEW)[BUSY]
    assert [one.offset for one in there] == list(range(len(there)))
    assert [one.stated for one in there if not one.counts] == [None] * 5
    assert done["partitions"][BUSY]["filled"] == 5
    code, _, err = run("export", "again", *FLAGS, "--data-dir", "new")
    assert code == 0, err
    assert bytes_of(Path("again")) == bytes_of(OUT)
    code, out, _ = run(*INTO_NEW)
    assert (code, "(0 appended, 0 holes filled" in out) == (0, True)


def test_a_seal_of_the_source_is_one_of_the_import(run: Run) -> None:
    """The heads are the same, so what was sealed there is proved here; an audit finds no fault."""
    assert run("seal", "--new-key", "key")[0] == 0
    code, _, err = run("seal", "--key", "key", "--into", "seals", *FLAGS)
    assert code == 0, err
    assert run(*INTO_NEW)[0] == 0
    audit = ("verify", "--seal", "seals", "--public-key", "key.pub", *FLAGS, "--jobs", "1")
    code, out, err = run(*audit, "--data-dir", "new", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert (found["findings"], len(found["void_records"])) == (0, 5)


def test_it_goes_on_where_it_stopped(run: Run) -> None:
    """At any place: within records, within holes, before anything."""
    assert run(*INTO_NEW)[0] == 0
    whole = counting_of(NEW)
    holes = [one.offset for one in records_of(NEW)[BUSY] if not one.counts]
    for cut in (1, holes[1], holes[-1]):
        with sqlite3.connect("new/log.db") as log:
            log.execute('DELETE FROM records WHERE "partition" = ? AND "offset" >= ?', (BUSY, cut))
            log.execute('DELETE FROM records WHERE "partition" = 0 AND 0 <> ?', (BUSY,))
        log.close()
        code, out, err = run(*INTO_NEW, "--json")
        assert code == 0, err
        assert json.loads(out)["partitions"][BUSY]["found"] == cut
        assert counting_of(NEW) == whole


def test_a_ledger_goes_on_from_it(run: Run) -> None:
    """A writer takes the imported log as its own; then it is no place to import into any more."""
    assert run(*INTO_NEW)[0] == 0

    async def write() -> Any:
        settings = settings_of(NEW)
        log, store = open_log(settings), open_snapshots(settings)
        await log.open()
        await store.open()
        ledger = Ledger(log, store, None, instance="two", new_ledger_id=lambda: "another")
        await ledger.start()
        asked = Receipt(id="m1", sku=SKU, quantity="10", location="MAIN/A", unit_cost="2")
        replayed = await ledger.submit(asked, actor=None, timeout_seconds=10)
        fresh = Receipt(id="new", sku=SKU, quantity="1", location="MAIN/A")
        counted = await ledger.submit(fresh, actor=None, timeout_seconds=10)
        await ledger.close()
        await store.close()
        await log.close()
        return type(replayed[1]).__name__, type(counted[1]).__name__

    assert asyncio.run(write()) == ("Replayed", "Moved")
    before = records_of(NEW)
    code, _, err = run(*INTO_NEW)
    assert code == 1
    assert f"the log goes on behind the export: partition {BUSY} ends before offset" in err
    assert "The instance two at " in err
    assert "Nothing was changed; if it was imported here before, nothing is left to do" in err
    assert records_of(NEW) == before


def test_exports_that_are_not_for_importing(run: Run) -> None:
    """A sentence says which are."""
    for flags, sentence in (
        (["--format", "csv"], "this is an export of movements as csv"),
        (["--partition", "0"], "this is an export of a part of a log"),
        (["--sku", SKU], "this is an export of a part of a log"),
        (["--from", "1:1"], "this is an export of a part of a log"),
    ):
        name = flags[0].strip("-")
        assert run("export", name, *FLAGS, *flags)[0] == 0
        code, _, err = run("import", name, *FLAGS, "--data-dir", "new")
        assert (code, sentence in err) == (2, True), err
    assert not NEW.exists()


def test_the_beginning_of_a_log_is_a_log(run: Run) -> None:
    """An export up to a moment can be imported: the ledger as it was then."""
    assert run("export", "then", *FLAGS, "--to", f"{BUSY}:20")[0] == 0
    assert run("import", "then", *FLAGS, "--data-dir", "new")[0] == 0
    assert [one.offset for one in records_of(NEW)[BUSY]] == list(range(21))


def test_settings_that_do_not_fit(run: Run) -> None:
    """Before a log is made with them."""
    code, _, err = run("import", "out", "--data-dir", "new", "--partitions", "4")
    assert (code, "the export has 3 partitions, and the settings 4" in err) == (2, True)
    assert "Use --partitions 3" in err
    code, _, err = run(*INTO_NEW, "--currency", "USD")
    assert (code, "the export counts in EUR, and the settings in USD" in err) == (2, True)
    assert not NEW.exists()


def _spoil(statement: str, *values: object) -> None:
    with sqlite3.connect("new/log.db") as log:
        log.execute(statement, values)
    log.close()


def test_logs_that_are_not_empty(run: Run) -> None:
    """They stay as they are."""
    assert run(*INTO_NEW)[0] == 0
    _spoil('UPDATE records SET stated = NULL WHERE "partition" = ? AND "offset" = 6', BUSY)
    code, _, err = run(*INTO_NEW)
    assert (code, f"differs from the export from partition {BUSY}, offset 6 on" in err) == (1, True)
    assert "delete new/log.db with its -wal and -shm" in err
    _spoil(
        'UPDATE records SET stated = 6, key = x\'41\' WHERE "partition" = ? AND "offset" = 6', BUSY
    )
    code, _, err = run(*INTO_NEW)
    assert (code, f"differs from the export from partition {BUSY}, offset 6 on" in err) == (1, True)
    _spoil("UPDATE records SET value = replace(value, ?, 'an other!!')", LEDGER_ID)
    code, _, err = run(*INTO_NEW)
    assert (code, "and of another ledger: an other!!" in err) == (1, True)
    _spoil("UPDATE records SET value = x'7b7d'")
    code, _, err = run(*INTO_NEW)
    assert (code, "the log is not empty: partition 0 has records" in err) == (1, True)
    assert len(records_of(NEW)) == PARTITIONS
