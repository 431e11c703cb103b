"""Exports that are not what they were: refused, with the place, and nothing is written."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger.config import open_log
from ops.console import CommandError, ExitCode
from ops.exporting.export import Order, export, nothing
from ops.importing.run import fill, prove
from ops.importing.source import ExportDamaged, Source
from tests.unit.ops.exports import (
    BUSY,
    FLAGS,
    PARTITIONS,
    SKU,
    bytes_of,
    forgotten,
    make_export,
    make_ledger,
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


def _edit(change: Callable[[bytes], bytes]) -> None:
    FILE.write_bytes(change(FILE.read_bytes()))


def _edit_lines(change: Callable[[list[bytes]], list[bytes]]) -> None:
    _edit(lambda text: b"".join(change(text.splitlines(keepends=True))))


def _edit_manifest(change: Callable[[dict[str, Any]], object]) -> None:
    path = OUT / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def _swap(lines: list[bytes]) -> list[bytes]:
    return [*lines[:9], lines[10], lines[9], *lines[11:]]


LINES: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str]] = {
    "changed": (
        lambda all_: [*all_[:5], all_[5].replace(b"MAIN", b"MAIM", 1), *all_[6:]],
        "line 7",
    ),
    "the last one changed": (
        lambda all_: [*all_[:-1], all_[-1].replace(b"MAIN", b"MAIM", 1)],
        "ends with another head",
    ),
    "removed": (lambda all_: [*all_[:5], *all_[6:]], "line 6"),
    "the first one removed": (lambda all_: all_[1:], "line 1"),
    "swapped": (_swap, "line 10"),
    "doubled": (lambda all_: [*all_[:5], all_[4], *all_[5:]], "line 6"),
    "inserted": (lambda all_: [*all_[:5], b"{}\n", *all_[5:]], "line 6"),
    "nested deeply": (
        lambda all_: [*all_[:5], b'{"offset":5,"event":' + b"[" * 100_000 + b"\n", *all_[5:]],
        "line 6",
    ),
    "no JSON": (lambda all_: [*all_[:5], b"x\n", *all_[5:]], "line 6"),
    "cut short by lines": (lambda all_: all_[:-3], "ends behind"),
    "nothing left": (lambda _: [], "ends behind 0 lines"),
    "one blank more": (
        lambda all_: [all_[0].replace(b'"offset":', b'"offset": '), *all_[1:]],
        "another SHA-256",
    ),
    "another trace": (
        lambda all_: [*all_[:-1], all_[-1].replace(b"-01", b"-00")],
        "another SHA-256",
    ),
}


@pytest.mark.parametrize("kind", LINES)
def test_an_altered_file(kind: str) -> None:
    """It is found, and the place is said."""
    change, sentence = LINES[kind]
    _edit_lines(change)
    with pytest.raises(ExportDamaged, match=sentence) as caught:
        Source(OUT).prove(BUSY)
    assert FILE.name in str(caught.value)
    assert caught.value.code == ExitCode.FOUND_WRONG


def test_a_damaged_export_is_refused_before_anything_is_written(run: Run) -> None:
    """And a check of it finds the same."""
    _edit_lines(LINES["changed"][0])
    for flags in ([], ["--check"]):
        code, _, err = run(*INTO_NEW, *flags)
        assert (code, "the export is damaged: " in err) == (1, True)
    assert not NEW.exists()


async def test_an_export_that_is_damaged_meanwhile(tmp_path: Path) -> None:
    """What was written until then is true, and once the export is repaired the import goes on."""
    good = FILE.read_bytes()
    source = Source(OUT)
    prove(source, nothing)
    _edit_lines(LINES["changed"][0])
    log = open_log(settings_of(tmp_path))
    await log.open()
    with pytest.raises(ExportDamaged, match="line 7"):
        await fill(log, source, "it", nothing)
    FILE.write_bytes(good)
    await fill(log, source, "it", nothing)
    await export(log, Order(folder=tmp_path / "again"))
    await log.close()
    assert bytes_of(tmp_path / "again") == bytes_of(OUT)


def test_a_file_cut_short(run: Run) -> None:
    """In the middle of a line, and altogether."""
    assert run("import", "out", "--check")[1].startswith("the export is whole: ")
    _edit(lambda text: text[:-9])
    code, _, err = run(*INTO_NEW)
    assert (code, "the line is cut off" in err) == (1, True), err
    FILE.unlink()
    code, _, err = run(*INTO_NEW)
    assert (code, f"{FILE.name} is missing" in err) == (1, True)
    (OUT / "manifest.json").unlink()
    code, _, err = run(*INTO_NEW)
    assert (code, "one that was never finished: it has no manifest.json" in err) == (2, True)
    assert run("import", "nowhere", *FLAGS)[::2] == (2, "stockledger: there is no export nowhere\n")
    code, _, err = run("import", "a" * 300, *FLAGS)
    assert (code, "cannot be read: File name too long" in err) == (2, True)
    OUT.joinpath("manifest.json").write_bytes(b'{"a":' + b"[" * 100_000)
    code, _, err = run(*INTO_NEW)
    assert (code, "manifest.json is no manifest" in err) == (2, True)


def _set(**values: Any) -> Callable[[dict[str, Any]], object]:
    return lambda manifest: manifest.update(values)


def _set_range(**values: Any) -> Callable[[dict[str, Any]], object]:
    return lambda manifest: manifest["ranges"][BUSY].update(values)


def _one_partition_less(manifest: dict[str, Any]) -> None:
    manifest.update(partitions=PARTITIONS - 1)
    for each in (manifest["ranges"], manifest["files"]):
        each.pop()


MANIFESTS: dict[str, tuple[Callable[[dict[str, Any]], object], int, str]] = {
    "version": (_set(version=2), 2, "has format version 2; this version of stockledger reads"),
    "format": (_set(format="tar"), 2, "is the manifest of something else: tar"),
    "member": (_set(more=1), 2, "is no manifest: Object contains unknown field `more`"),
    "partitioner": (_set(partitioner="crc"), 2, "the partitioner crc is not known"),
    "sku": (_set(sku=SKU), 2, "an export of a part"),
    "complete": (_set(complete=False), 2, "an export of a part"),
    "head": (_set_range(until_head="0" * 64), 1, "ends with another head"),
    "start": (_set_range(from_offset=1), 2, "an export of a part"),
    "middle": (_set_range(from_head="1" * 64), 1, "in the middle of its chain"),
    "end": (_set_range(until_offset=9), 1, "is none of those from 9 to 8"),
    "count": (_set_range(counting=9), 1, "the manifest says"),
    "files": (lambda one: one["files"].pop(), 1, "does not name one file for each partition"),
    "path": (lambda one: one["files"][0].update(name="../x"), 1, "does not name one file"),
    "ranges": (lambda one: one["ranges"].pop(), 2, "an export of a part"),
    "ledger": (_set(ledger_id="other"), 1, "the ledger_id the-ledger, and the manifest says other"),
    "currency": (_set(currency="SEK"), 1, "the currency EUR, and the manifest says SEK"),
    "a partition less": (_one_partition_less, 1, "the partitions 3, and the manifest says 2"),
    "void": (_set_range(void=0), 1, "leaves out 5 offsets; the manifest says"),
    "bytes": (lambda one: one["files"][BUSY].update(bytes=1), 1, "the manifest says 1 and"),
}


@pytest.mark.parametrize("kind", MANIFESTS)
def test_an_altered_manifest(kind: str) -> None:
    """It is refused, too."""
    change, expected, sentence = MANIFESTS[kind]
    _edit_manifest(change)
    with pytest.raises(CommandError, match=re.escape(sentence)) as caught:
        prove(Source(OUT), nothing)
    assert caught.value.code == expected
