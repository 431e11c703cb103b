"""`stockledger plan-backtest`: what it prints, and what it says of what it cannot read."""

import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ops.cli import app
from ops.console import CommandError, ExitCode

DEMAND = "sku,day,type,quantity\n" + "".join(
    f"{sku},2011-0{month}-{day:02d},pick,{quantity}\n"
    for sku, quantity in (("A", "2.5"), ("B", "1"))
    for month in (1, 2, 3)
    for day in range(1, 29)
)


def _run(folder: Path, text: str, *options: str) -> Result:
    file = folder / "demand.csv"
    file.write_text(text)
    return CliRunner().invoke(app, ["plan-backtest", str(file), *options])


def _refused(folder: Path, text: str, *options: str) -> str:
    result = _run(folder, text, *options)
    assert isinstance(result.exception, CommandError), result.output
    return str(result.exception)


def test_steady_demand_is_served_by_any_policy(tmp_path: Path) -> None:
    """A table for people; other rows than demand do not count."""
    text = DEMAND + "A,2011-02-28,customer_return,7\n"
    result = _run(tmp_path, text, "--policy", "none", "--policy", "cycle_service:0.95")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("| policy | fill rate |")
    assert lines[2].startswith("| `none` | ")
    assert lines[3].startswith("| `cycle_service:0.95` | ")
    assert "2 SKUs over 31 days." in lines


def test_one_document_for_machines(tmp_path: Path) -> None:
    """Exact numbers as texts; packed files are read too; costs are a share of a price."""
    costs = tmp_path / "prices.csv.gz"
    costs.write_bytes(gzip.compress(b"sku,price\nA,3.00\nunknown,9\n"))
    found = _run(
        tmp_path, DEMAND, "--policy", "days_of_cover:10", "--costs", str(costs),
        "--cost-share", "0.5", "--lead-days", "2-4", "--closed", "sunday", "--json",
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    document = json.loads(found.stdout)["days_of_cover:10"]
    assert document["skus"] == 2
    # 28 days of March and 3 of February, 2.5 and 1 a day; 56 days were learnt from.
    assert document["demanded"] == "108.5"
    assert document["fill_rate"] == "1"
    assert float(document["average_value"]) < 1.5 * float(document["average_units"])


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("sku,day\nA,2011-01-01\n", (), "no column quantity"),
        ("sku,day,quantity\n", (), "there is no demand"),
        ("sku,day,quantity\nA,2011-02-30,1\n", (), "line 2: 2011-02-30 is no day"),
        ("sku,day,quantity\nA,2011-01-01,-1\n", (), "line 2: quantity is negative"),
        ("sku,day,quantity\nA,2011-01-01,NaN\n", (), "line 2: quantity: expected a decimal number"),
        ("sku,day,quantity\nA,2011-01-01,1e9\n", (), "line 2: quantity: expected a decimal number"),
        ("sku,day,quantity\nA,2011-01-01,0.0000001\n", (), "more than 6 digits"),
        ("sku,day,quantity\n,2011-01-01,1\n", (), "line 2: sku is empty"),
        ("sku,day,quantity\nA,0001-01-01,1\nB,9999-12-31,1\n", (), "more than 40,000 days"),
        (DEMAND, ("--policy", "guess"), "a method is one of"),
        (DEMAND, ("--policy", "cycle_service"), "needs a number, as in cycle_service:0.95"),
        (
            DEMAND,
            ("--policy", "days_of_cover"),
            "policy days_of_cover: days_of_cover needs a number",
        ),
        (DEMAND, ("--policy", "days_of_cover:"), "needs a number, as in days_of_cover:14"),
        (DEMAND, ("--policy", "just_in_time"), "needs a number, as in just_in_time:14"),
        (DEMAND, ("--policy", "days_of_cover:-1"), "cover_days is 0 to 3,650"),
        (DEMAND, ("--policy", "days_of_cover:x"), "'x' is no number"),
        (DEMAND, ("--policy", "cycle_service:1.2"), "is not a share"),
        (DEMAND, ("--policy", "cycle_service:1"), "is not a share"),
        (DEMAND, ("--policy", "cycle_service:0"), "is not a share"),
        (DEMAND, ("--policy", "A=none,A=none"), "named once"),
        (DEMAND, ("--policy", "A=none"), "for each of A, B and C"),
        (DEMAND, ("--lead-days", "x"), "lead-days"),
        (DEMAND, ("--lead-days", "9-5"), "lead times rise"),
        (DEMAND, ("--closed", "someday"), "someday is not one of"),
        (DEMAND, ("--policy", "cycle_service:NaN"), "cycle_service:NaN: 'NaN' is no number"),
        (DEMAND, ("--policy", "none:1"), "policy none:1: none has no level"),
        (DEMAND, ("--policy", "none:"), "policy none:: none has no level"),
        (DEMAND, ("--policy", "A=none:1,B=none,C=none"), "none has no level"),
        (DEMAND, ("--cost-share", "0.5"), "--cost-share goes with --costs"),
        (DEMAND, ("--costs", "missing.csv", "--cost-share", "-1"), "cost-share is a number"),
        (DEMAND, ("--revise-days", "0"), "revise_days is 1 to"),
        (DEMAND, ("--costs", "missing.csv"), "missing.csv"),
        (DEMAND, ("--warm-up-days", "87"), "spans 87 days, of which warm-up-days (87) leaves none"),
        ("sku,day,quantity\nA,2011-01-01,1\n", (), "spans one day, of which warm-up-days (56)"),
        ("sku,day,quantity\nA,2011-01-01,1\n", ("--warm-up-days", "0"), "no SKU was asked for"),
        (
            "sku,day,quantity\nA,2011-01-01,1\n",
            ("--warm-up-days", "0", "--json"),
            "no SKU was asked for",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence(
    tmp_path: Path, text: str, options: tuple[str, ...], expected: str
) -> None:
    """Of the file by its line, of an option by its name."""
    assert expected in _refused(tmp_path, text, *options)


def test_a_replay_of_nothing_is_a_wrong_use(tmp_path: Path) -> None:
    """Exit code 2 and nothing on stdout; one day that is left is enough."""
    result = _run(tmp_path, DEMAND, "--warm-up-days", "87")
    assert isinstance(result.exception, CommandError)
    assert result.exception.code == ExitCode.USAGE
    assert result.stdout == ""
    left = _run(tmp_path, DEMAND, "--warm-up-days", "86", "--policy", "none")
    assert "2 SKUs over 1 day." in left.stdout.splitlines()


def test_a_level_of_one_half_needs_no_safety(tmp_path: Path) -> None:
    """It is allowed, and the same as no safety stock."""
    result = _run(tmp_path, DEMAND, "--policy", "cycle_service:0.5", "--policy", "none", "--json")
    half, none = json.loads(result.stdout).values()
    assert half == none


def test_a_day_beyond_64_bits_is_refused(tmp_path: Path) -> None:
    """The sums of a day stay exact."""
    text = "sku,day,quantity\nA,2011-01-01,900000000000\nA,2011-01-02,900000000000.000001\n"
    assert "beyond 10^18" in _refused(tmp_path, text)


def test_a_cost_beyond_all_numbers_is_refused(tmp_path: Path) -> None:
    """The share may be as large as it likes."""
    costs = tmp_path / "costs.csv"
    costs.write_text("sku,price\nA,5\n")
    said = _refused(tmp_path, DEMAND, "--costs", str(costs), "--cost-share", "1e999999")
    assert "line 2: the cost is beyond 10^18 millionths" in said
