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
