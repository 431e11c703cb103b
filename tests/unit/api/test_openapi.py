"""The API's description: it is the committed one, whole and true."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from api.openapi import build, to_yaml
from api.problems import PROBLEMS
from api.routes.catalog import OPERATIONS
from api.routes.documentation import _CSP, _PAGE, _START
from ledger.domain.quantities import SCALED_MAX, scaled
from ledger.domain.rejections import Rejected
from projections.planning.errors import PlanningError
from projections.planning.health.documents import shown_number
from projections.planning.health.figures import MICRO
from projections.planning.health.parameters import WINDOW_DAYS_MAX, HealthParameters

ROOT = Path(__file__).parents[3]
DOCUMENT = build(OPERATIONS)


def operations() -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method} {path}", operation)
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    ]


def resolve(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with everything it may refer to."""
    return {**schema, "components": DOCUMENT["components"]}


def test_the_committed_description_is_current() -> None:
    """`make openapi` writes it anew."""
    assert (ROOT / "openapi.yaml").read_text() == to_yaml(DOCUMENT)
    assert yaml.safe_load(to_yaml(DOCUMENT)) == DOCUMENT


def test_operations_are_complete() -> None:
    """Each has a name of its own, problems, and an example for every JSON body."""
    names = [operation["operationId"] for _, operation in operations()]
    assert len(names) == len(set(names))
    for where, operation in operations():
        assert operation["summary"], where
        statuses = {status for status in operation["responses"] if status >= "4"}
        assert {"422", "431", "500"} <= statuses, where
        if operation.get("security") != []:
            assert {"401", "403"} <= statuses, where
        for status, answer in operation["responses"].items():
            kinds = list(answer["content"])
            if status >= "4":
                assert kinds == ["application/problem+json"], where
        contents = [*operation.get("requestBody", {}).get("content", {}).items()]
        contents += [*operation["responses"][min(operation["responses"])]["content"].items()]
        for kind, content in contents:
            if kind == "application/json":
                assert content["examples"], where


def test_examples_fit_their_schemas() -> None:
    """Of bodies, answers and problems."""
    count = 0
    for where, operation in operations():
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for body in bodies:
            for content in body.get("content", {}).values():
                for name, example in content.get("examples", {}).items():
                    validator = jsonschema.Draft202012Validator(resolve(content["schema"]))
                    errors = list(validator.iter_errors(example["value"]))
                    assert errors == [], (where, name)
                    count += 1
    assert count > 20


def _fits(schema: dict[str, Any], value: Any) -> bool:
    return jsonschema.Draft202012Validator(resolve(schema)).is_valid(value)


def test_a_number_of_an_answer_has_as_many_digits_as_it_needs() -> None:
    """All that fits a stock key, at the demand of one in the longest window: 23 digits."""
    days = shown_number(SCALED_MAX * WINDOW_DAYS_MAX * MICRO, "days")
    assert days == "40000" + "0" * 18
    bucket = DOCUMENT["components"]["schemas"]["HealthBucket"]["properties"]
    assert _fits(bucket["days_of_cover"], days)
    assert not _fits(bucket["days_of_cover"], "4e22")
    # What is sent may not have so many.
    sent = DOCUMENT["components"]["schemas"]["Adjustment"]["properties"]["quantity"]
    assert [_fits(sent, one) for one in ("-2", "1000000000000000000", days)] == [True, True, False]


@pytest.mark.parametrize(
    "rate",
    ["0", "0.25", "9.999999", "10", "10.000000", "10.000001", "10.5", "11", "99.999999", "x"],
)
def test_a_carrying_rate_is_described_as_it_is_taken(rate: str) -> None:
    """Up to ten times the value a year."""
    [described] = [
        one["schema"]
        for one in DOCUMENT["paths"]["/v1/planning/health"]["get"]["parameters"]
        if one["name"] == "carrying_rate"
    ]
    assert _fits(described, rate) == _is_taken(scaled(rate, 6))


def _is_taken(rate: int | Rejected) -> bool:
    if isinstance(rate, Rejected):
        return False
    try:
        HealthParameters(0, 1, carrying_rate=rate)
    except PlanningError:
        return False
    return True


def test_references_lead_somewhere() -> None:
    """Nothing points to a schema or header that is not there."""

    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            found = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return found + [one for child in value.values() for one in references(child)]
        if isinstance(value, list):
            return [one for child in value for one in references(child)]
        return []

    for reference in references(DOCUMENT):
        target: Any = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]
        assert target


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.operation_id)
def test_declared_problems_are_of_the_table(operation: Any) -> None:
    """A misspelt code would only show when it happens."""
    assert set(operation.problems) <= PROBLEMS.keys()


def test_the_page_needs_no_other_server() -> None:
    """Neither by address nor by permission."""
    for content in (_PAGE, _START, _CSP[1]):
        assert b"//" not in content.replace(b"<!doctype html>", b"")
        assert b"http" not in content
    assert b"'unsafe-eval'" not in _CSP[1]
    assert b"script-src 'self';" in _CSP[1]
