"""Files: each record with its line, and broken ones named without stopping the others."""

import gzip
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ops.console import CommandError
from ops.loading.rows import Row, file_format, identity, open_rows, text
from tests.unit.ops.parquet_files import write_damaged


def read(path: Path, encoding: str = "utf-8-sig", delimiter: str = ",") -> list[Row]:
    """All rows of a file."""
    with open_rows(path, file_format(path), encoding, delimiter) as source:
        return list(source.rows)


def test_csv_rows_know_where_they_begin(tmp_path: Path) -> None:
    """A value may hold a line break; a line may be empty; a byte order mark may be there."""
    path = tmp_path / "a.csv"
    path.write_bytes(b'\xef\xbb\xbfa, b\n1,"x\ny"\n\n2,z\n')
    assert read(path) == [Row(2, {"a": "1", "b": "x\ny"}), Row(5, {"a": "2", "b": "z"})]


def test_broken_csv_rows_are_named(tmp_path: Path) -> None:
    """The others are read."""
    path = tmp_path / "a.csv"
    path.write_bytes(b'a,b\n1\n1,2,3\n\xff,1\n"x"y,2\n3,4\n')
    rows = read(path)
    problems = [(row.line, row.problem) for row in rows if row.problem]
    assert problems[0] == (2, "1 values for 2 columns")
    assert problems[1] == (3, "3 values for 2 columns")
    assert problems[2] == (4, "not in the encoding of the file")
    assert problems[3][0] == 5
    assert rows[-1] == Row(6, {"a": "3", "b": "4"})


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "no line of column names"),
        (b"a,a\n", "twice"),
        (b"a, a\n", "twice"),
        (b'"x"y\n', "broken"),
    ],
)
def test_a_file_needs_column_names(tmp_path: Path, content: bytes, part: str) -> None:
    """Each once."""
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=part):
        read(path)


def test_ndjson_keeps_numbers_exact(tmp_path: Path) -> None:
    """A number with a point stays the text it was; broken lines are named."""
    path = tmp_path / "a.ndjson"
    path.write_bytes(b'{"a": 0.10, "b": 1e400}\n\n[1]\n{"a"\n\xff\n{"a": NaN}\n')
    rows = read(path)
    assert rows[0] == Row(1, {"a": "0.10", "b": "1e400"})
    assert [row.line for row in rows if row.problem] == [3, 4, 5]
    assert rows[-1] == Row(6, {"a": "NaN"})


def test_half_of_a_character_is_no_text(tmp_path: Path) -> None:
    """JSON can write it as an escape, and nothing can be sent with it; a pair of them is one."""
    path = tmp_path / "a.ndjson"
    path.write_bytes(b'{"a": "\\ud800"}\n{"b\\udfff": 1}\n{"a": "\\ud83d\\ude00"}\n')
    rows = read(path)
    assert [row.line for row in rows if row.problem] == [1, 2]
    assert rows[-1] == Row(3, {"a": "\U0001f600"})


@pytest.mark.parametrize(
    ("encoding", "content", "part"),
    [
        ("utf-16", "a\n1\n".encode("utf-16") + b"x", "a.csv, from line 3 on: "),
        ("utf-16", b"\xff\xfea", "a.csv is not in the encoding utf-16"),
        ("idna", b"a\n1\n", "a.csv is not in the encoding idna"),
        ("utf-8\0", b"a\n1\n", "there is no encoding 'utf-8.x00'"),
        ("none", b"a\n1\n", "there is no encoding 'none'"),
    ],
)
def test_bytes_of_another_encoding(
    tmp_path: Path, encoding: str, content: bytes, part: str
) -> None:
    """Where they cannot be passed over the file is given up, in a sentence."""
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=part):
        read(path, encoding)


def test_a_line_without_end_is_not_kept(tmp_path: Path) -> None:
    """It is named, and the next line is read."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"x" * 3_000_000 + b'\n{"a": 1}\n')
    rows = read(path)
    assert "longer than" in (rows[0].problem or "")
    assert rows[1] == Row(2, {"a": 1})


def test_compressed_or_not_it_is_the_same_file(tmp_path: Path) -> None:
    """So that its ids are the same."""
    plain, packed = tmp_path / "a.csv", tmp_path / "a.csv.gz"
    plain.write_bytes(b"a\n1\n")
    packed.write_bytes(gzip.compress(b"a\n1\n"))
    assert read(plain) == read(packed) == [Row(2, {"a": "1"})]
    assert identity(plain) == identity(packed)


def test_parquet(tmp_path: Path) -> None:
    """Rows are counted from 1."""
    polars = pytest.importorskip("polars")
    path = tmp_path / "a.parquet"
    polars.DataFrame({"a": [1, 2], "b": [2.5, None]}).write_parquet(path)
    assert read(path) == [Row(1, {"a": 1, "b": 2.5}), Row(2, {"a": 2, "b": None})]
    path.write_bytes(b"nothing")
    with pytest.raises(CommandError, match="no Parquet"):
        read(path)


def test_a_damaged_parquet_file(tmp_path: Path) -> None:
    """Its end says that all is well, and what lies before it does not."""
    polars = pytest.importorskip("polars")
    path = tmp_path / "a.parquet"
    polars.DataFrame({"a": [str(one) for one in range(50_000)]}).write_parquet(path)
    content = path.read_bytes()
    path.write_bytes(content[:4] + b"\xff" * (len(content) // 2) + content[4 + len(content) // 2 :])
    with pytest.raises(CommandError, match="is damaged"):
        read(path)


@pytest.mark.parametrize(("at", "byte"), [(48, 1), (129, 0), (133, 1), (133, 127)])
def test_a_parquet_file_that_its_reader_panics_at(tmp_path: Path, at: int, byte: int) -> None:
    """Which is no exception to it; a sentence all the same, with the name of the file."""
    pytest.importorskip("polars")
    write_damaged(tmp_path / "a.parquet", at, byte)
    with pytest.raises(CommandError, match=r"a\.parquet is (damaged|no Parquet file)"):
        read(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (" a ", "a"),
        (None, ""),
        (float("nan"), ""),
        (True, "true"),
        (17850.0, "17850"),
        (0.1, "0.1"),
        (1e-7, "0.0000001"),
        (Decimal("1.50"), "1.5"),
        (100, "100"),
        (datetime(2010, 12, 1, tzinfo=UTC), "2010-12-01T00:00:00+00:00"),
    ],
)
def test_values_as_text(value: object, expected: str) -> None:
    """Never with an exponent."""
    assert text(value) == expected


def test_an_unknown_kind_of_file(tmp_path: Path) -> None:
    """The mapping can say what it is."""
    with pytest.raises(CommandError, match=r"source\.format"):
        file_format(tmp_path / "a.xlsx")


def test_a_broken_archive(tmp_path: Path) -> None:
    """It is found before anything is sent."""
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"a\n1\n" * 1000)[:-10])
    with pytest.raises(CommandError, match="cannot be read"):
        identity(path)
    packed = bytearray(gzip.compress(b"".join(b"%d\n" % (one**5) for one in range(5_000))))
    packed[2_000:2_100] = bytes(0x5A ^ one for one in packed[2_000:2_100])
    path.write_bytes(packed)
    with pytest.raises(CommandError, match="cannot be read"):
        identity(path)
