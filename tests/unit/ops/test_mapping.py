"""The mapping: what it makes of a row, and what it refuses before anything is sent."""

from pathlib import Path
from typing import Any

import pytest

from ops.console import CommandError
from ops.loading.mapping import Skipped
from ops.loading.rows import LineError, Row
from tests.unit.ops.mapping_files import MINIMAL, mapper, movement, row

DATED = MINIMAL.replace(
    "[[rule]]", 'occurred_at = { column = "Date", date = "FORM", time_zone = "UTC" }\n[[rule]]'
)


def test_a_row_becomes_a_movement(tmp_path: Path) -> None:
    """With an id from the file's content and the line, so that it is always the same."""
    assert movement(mapper(tmp_path, MINIMAL), row(7)) == {
        "type": "pick",
        "id": f"{'f' * 20}-7",
        "sku": "A",
        "quantity": "3",
        "location": "MAIN",
    }


def test_the_first_rule_that_holds_is_taken(tmp_path: Path) -> None:
    """Rules with conditions before the one without."""
    made = mapper(
        tmp_path,
        """
        [fields]
        sku = "{Code}"
        location = "MAIN"
        [[skip]]
        reason = "no goods"
        when = { column = "Code", matches = "(?i)post|m" }
        [[rule]]
        type = "customer_return"
        when = { column = "Invoice", starts_with = "C" }
        fields = { quantity = { column = "Quantity", absolute = true } }
        [[rule]]
        type = "adjustment"
        when = [{ column = "Quantity", less_than = 0 }, { column = "Text", empty = false }]
        [rule.fields]
        quantity = "{Quantity}"
        reason = { column = "Text", map = { wet = "damaged" } }
        [[rule]]
        type = "pick"
        when = { column = "Quantity", greater_than = "0.5" }
        fields = { quantity = "{Quantity}" }
        """,
    )
    assert movement(made, row(Invoice="C1", Quantity="-3"))["quantity"] == "3"
    assert movement(made, row(Quantity="-3", Text="wet"))["reason"] == "damaged"
    assert movement(made, row())["type"] == "pick"
    assert made.movement(row(Code="Post")) == Skipped("no goods")
    assert movement(made, row(Code="POSTER"))["type"] == "pick"
    with pytest.raises(LineError, match="no rule"):
        made.movement(row(Quantity="0.5"))
    with pytest.raises(LineError, match="reason: 'dry' is not in the map"):
        made.movement(row(Quantity="-1", Text="dry"))
    with pytest.raises(LineError, match="'x' is no number"):
        made.movement(row(Quantity="x"))


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ('"{Invoice}-{line}"', {}, "1-2"),
        ('"{{{Invoice}}}"', {}, "{1}"),
        ('{ column = "Text", default = "none" }', {}, "none"),
        ('{ template = "{Invoice}/{Code}" }', {}, "1/A"),
        ('{ column = "Text", map = { x = "y" }, default = "z" }', {"Text": "q"}, "z"),
        ('"{Text}"', {"Text": "  trimmed "}, "trimmed"),
        ('"{Text}"', {"Text": 12}, "12"),
    ],
)
def test_how_a_field_is_made(
    tmp_path: Path, field: str, value: dict[str, Any], expected: str
) -> None:
    """Templates, defaults and maps."""
    made = mapper(tmp_path, MINIMAL.replace("[[rule]]", f"note = {field}\n[[rule]]"))
    assert movement(made, row(**value))["note"] == expected


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ('{ column = "Date", date = "%Y-%m-%d", time_zone = "Europe/London" }', "2010-07-01",
         "2010-06-30T23:00:00Z"),
        ('{ column = "Date", date = "iso" }', "2010-07-01T10:00:00+02:00", "2010-07-01T08:00:00Z"),
        ('{ column = "Date", date = "%d/%m/%Y %H:%M %z" }', "01/12/2010 08:26 +0100",
         "2010-12-01T07:26:00Z"),
        ('{ column = "Date", date = "iso", time_zone = "Europe/London" }', "2026-10-25 01:30",
         "2026-10-25T00:30:00Z"),
        ('{ column = "Date", date = "iso", time_zone = "Europe/London" }', "2026-03-29 01:30",
         "2026-03-29T01:30:00Z"),
    ],
)  # fmt: skip
def test_dates_become_instants(tmp_path: Path, field: str, value: str, expected: str) -> None:
    """In UTC, from the zone that the value, the field or the file names.

    Of a time that clocks show twice it is the first; one that they leave out is read as if they
    had not been changed yet.
    """
    made = mapper(tmp_path, MINIMAL.replace("[[rule]]", f"occurred_at = {field}\n[[rule]]"))
    assert movement(made, row(Date=value))["occurred_at"] == expected


@pytest.mark.parametrize(
    ("value", "part"),
    [("yesterday", "no date of the form"), ("2010-02-30", "no date"), ("2010-12-01", "time zone")],
)
def test_a_wrong_date_is_a_wrong_line(tmp_path: Path, value: str, part: str) -> None:
    """Only that line is refused."""
    field = 'occurred_at = { column = "Date", date = "%Y-%m-%d" }'
    made = mapper(tmp_path, MINIMAL.replace("[[rule]]", f"{field}\n[[rule]]"))
    with pytest.raises(LineError, match=part):
        made.movement(row(Date=value))


@pytest.mark.parametrize(
    "form", ["%d.%m.%y", "%I:%M %p, %j/%Y", "%G-W%V-%u", "%a %d %B %Y %Z %f %%"]
)
def test_forms_of_dates(tmp_path: Path, form: str) -> None:
    """All that Python can read."""
    mapper(tmp_path, DATED.replace("FORM", form))


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ("%Q", "'Q' is a bad directive"),
        ("%Y-%", "stray %"),
        ("%Y-%Y", "a part of it is there twice"),
        ("%G-%V", "ISO year directive"),
        ("today", "no part of a date is in it"),
        ("", "no part of a date is in it"),
    ],
)
def test_a_wrong_form_is_a_wrong_mapping(tmp_path: Path, form: str, why: str) -> None:
    """No line could have it, so none is sent."""
    says = f"^fields.occurred_at: '{form}' is no form of a date: {why}"
    with pytest.raises(CommandError, match=says) as caught:
        mapper(tmp_path, DATED.replace("FORM", form))
    assert caught.value.code == 2


def test_an_empty_field_is_left_out_unless_it_is_needed(tmp_path: Path) -> None:
    """An empty lot is no lot; an empty SKU is a mistake."""
    made = mapper(tmp_path, MINIMAL.replace("[[rule]]", 'lot = "{Text}"\n[[rule]]'))
    assert "lot" not in movement(made, row())
    with pytest.raises(LineError, match="sku is empty"):
        made.movement(row(Code=" "))


def test_a_reference_has_two_parts(tmp_path: Path) -> None:
    """And is left out where it refers to nothing."""
    text = 'reference = { type = "invoice", id = "{Text}" }\n[[rule]]'
    made = mapper(tmp_path, MINIMAL.replace("[[rule]]", text))
    assert movement(made, row(Text="7"))["reference"] == {"type": "invoice", "id": "7"}
    assert "reference" not in movement(made, row())


def test_records_that_differ_are_looked_at_one_by_one(tmp_path: Path) -> None:
    """NDJSON has no header to compare with."""
    made = mapper(tmp_path, MINIMAL, columns=None)
    assert movement(made, Row(1, {"Code": "A", "Quantity": 3}))["quantity"] == "3"
    with pytest.raises(LineError, match="sku: there is no 'Code'"):
        made.movement(Row(1, {"Quantity": 3}))
    with pytest.raises(LineError, match="list or object"):
        made.movement(Row(1, {"Code": ["A"], "Quantity": 3}))


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("{Code}", "{Cod}", "fields.sku: the file has no column 'Cod'; it has Invoice, Code"),
        ('sku = "{Code}"', "", r"rule 1 \(pick\): the field sku is missing"),
        ("location", "locations", "there is no field locations; there are"),
        ('"MAIN"', "1.5", "fields.location: expected a text"),
        ('"MAIN"', '"{Code"', "a brace without its partner"),
        ('"MAIN"', '{ column = "Code", uper = true }', "unknown field `uper`"),
        ('"MAIN"', '{ map = { a = "b" } }', "give either a column or a template"),
        ('"MAIN"', '{ column = "Date", date = "iso", time_zone = "Mars" }', "no time zone 'Mars'"),
        ('"pick"', '"pck"', "a type is one of"),
        ('"pick"', '"pick"\nwhen = { column = "Code", matches = "(" }', "is no pattern"),
        ('"pick"', '"pick"\nwhen = { column = "Code", matches = "a{99999999999}" }', "no pattern"),
        ('"pick"', f'"pick"\nwhen = {{ column = "Code", matches = "{"(" * 3000}" }}', "no pattern"),
        ('"pick"', '"pick"\nwhen = { column = "Code" }', "a condition needs"),
        ('"pick"', '"pick"\nwhen = { column = "Code", less_than = "x" }', "'x' is no number"),
        ('"pick"', '"pick"\nwhen = { column = "Code", less_than = "NaN" }', "'NaN' is no number"),
        ('"pick"', '"pick"\nfields = { reason = "lost" }', "there is no field reason"),
        ("[[rule]]", "[[rul]]", "unknown field `rul`"),
        ("[[rule]]", "[rule", "is no TOML"),
        ("[[rule]]", f"x = {'[' * 5000}", "is no TOML"),
        ("[[rule]]", f"x = {'9' * 5000}", "is no TOML"),
        ('"MAIN"', f"0x{'f' * 5000}", "a number is at most 10"),
        ('"MAIN"', str(-(10**18) - 1), "a number is at most 10"),
        ("[fields]", "[source]\ndelimiter = ';;'\n[fields]", "one character"),
        (
            "[fields]",
            '[source]\ntime_zone = "Mars/X"\n[fields]',
            "source.time_zone: there is no time",
        ),
        ('"MAIN"', '{ column = "Code", time_zone = "Mars" }', "fields.location: there is no time"),
        ("[[rule]]", 'reference = "x"\n[[rule]]', "fields.reference: expected"),
    ],
)
def test_a_wrong_mapping_is_refused_in_a_sentence(
    tmp_path: Path, old: str, new: str, part: str
) -> None:
    """Before anything is sent, with exit code 2."""
    with pytest.raises(CommandError, match=part) as caught:
        mapper(tmp_path, MINIMAL.replace(old, new))
    assert caught.value.code == 2
    assert "\n" not in str(caught.value).replace("\\n", "")
