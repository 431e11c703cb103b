"""The API's description (OpenAPI 3.1), made from the declarations of the operations.

`python -m api.openapi` prints it as YAML. The committed openapi.yaml is that output, and a test
keeps the two alike.
"""

import sys
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api.operations import Content, Operation, Parameter, Reply
from api.problems import PROBLEMS
from api.schemas import examples
from api.schemas.common import Problem

_REF: Final = "#/components/schemas/{model}"
_COMMON_PROBLEMS: Final = (
    "malformed_http", "unauthorized", "forbidden", "invalid_request", "headers_too_large",
    "internal_error",
)  # fmt: skip
# A health check is open, so nothing is refused for want of a key.
_OPEN_PROBLEMS: Final = (
    "malformed_http", "invalid_request", "headers_too_large", "internal_error",
)  # fmt: skip
# As in RFC 9110, which Python follows from 3.13 on: the document is the same on every version.
_PHRASES: Final = {413: "Content Too Large", 422: "Unprocessable Content"}
_DESCRIPTION: Final = """\
The one place that knows what is in stock. Every movement is an event that is never changed; what
is read here is built from those events.

**Exact numbers.** Quantities and costs are decimal strings; integers are accepted, JSON numbers
with a point are not. **Idempotency.** The `id` of a command is its key, for ever. **Positions.** A
write answers with `Ledger-Position`; give it to a read as `min_position` to see what was written.
**Problems.** Every answer that is no success is `application/problem+json` with a stable `code`.
**Keys.** Where the operator made API keys, every request needs one, these pages and `/metrics`
too; only `/livez` and `/readyz` are open. **Codes with a slash** and other reserved characters go
into the query: `/v1/stock?sku=A%2F1`.
"""
_TAGS: Final = (
    {"name": "movements", "description": "What happened to stock."},
    {"name": "stock", "description": "What is there."},
    {"name": "items", "description": "What a SKU is."},
    {"name": "planning", "description": "What to keep in stock, from what was asked for."},
    {"name": "alerts", "description": "What is worth a look."},
    {"name": "privacy", "description": "What may have to be forgotten."},
    {"name": "health", "description": "For those who run the service."},
)
_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "Ledger-Position": {
        "description": "partition:offset of the records written, the highest of each partition.",
        "schema": {"type": "string", "pattern": "^[0-9]+:[0-9]+(,[0-9]+:[0-9]+)*$"},
        "example": "3:17",
    },
    "Idempotency-Replayed": {
        "description": "Present where the answer was given before.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Location": {
        "description": "Where what was begun can be looked at.",
        "schema": {"type": "string", "format": "uri-reference"},
        "example": "/v1/planning/runs/019aa9a5-30c0-7b0e-9d3c-5d1f0c6b8a42",
    },
    "Retry-After": {
        "description": "Seconds to wait.",
        "schema": {"type": "integer", "minimum": 0},
    },
}


def build(operations: Iterable[Operation]) -> dict[str, Any]:
    """The whole document."""
    declared = list(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in declared:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "stockledger",
            "version": version("stockledger"),
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": list(_TAGS),
        "security": [{"bearer": []}, {"apiKey": []}],
        "paths": paths,
        "components": {
            "schemas": _schemas(declared),
            "headers": _HEADERS,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key of `stockledger keys create`. Not needed where the "
                    "service listens on loopback and no key was made.",
                },
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    document: dict[str, Any] = {
        "operationId": operation.operation_id,
        "tags": [operation.tag],
        "summary": operation.summary,
    }
    if operation.description:
        document["description"] = operation.description
    if operation.open:
        document["security"] = []
    if operation.parameters:
        document["parameters"] = [_parameter(parameter) for parameter in operation.parameters]
    if operation.body:
        document["requestBody"] = {
            "required": operation.body_required,
            "content": _contents(operation.body),
        }
    document["responses"] = {
        **{str(status): _reply(reply) for status, reply in sorted(operation.replies.items())},
        **_problem_replies(operation),
    }
    return document


def _parameter(parameter: Parameter) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": parameter.name,
        "in": parameter.location,
        "required": parameter.required,
        "description": parameter.description,
        "schema": parameter.schema,
    }
    if parameter.example is not None:
        document["example"] = parameter.example
    return document


def _reply(reply: Reply) -> dict[str, Any]:
    document: dict[str, Any] = {"description": reply.description}
    if reply.headers:
        document["headers"] = {name: _header(name) for name in reply.headers}
    if reply.content is not None:
        document["content"] = _contents((reply.content,))
    return document


def _header(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/headers/{name}"}


def _contents(contents: Iterable[Content]) -> dict[str, Any]:
    documents: dict[str, Any] = {}
    for content in contents:
        document: dict[str, Any] = {"schema": _schema(content.model)}
        if content.examples:
            document["examples"] = {
                name: {"value": value} for name, value in content.examples.items()
            }
        documents[content.media_type] = document
    return documents


def _schema(model: Any) -> Any:
    """A model's reference; models inside a plain schema are replaced likewise."""
    if isinstance(model, type) and issubclass(model, BaseModel):
        return {"$ref": _REF.format(model=model.__name__)}
    if isinstance(model, Mapping):
        return {key: _schema(value) for key, value in model.items()}
    if isinstance(model, list):
        return [_schema(value) for value in model]
    return model


def _problem_replies(operation: Operation) -> dict[str, Any]:
    common = _OPEN_PROBLEMS if operation.open else _COMMON_PROBLEMS
    by_status: dict[int, list[str]] = {}
    for code in (*common, *operation.problems):
        by_status.setdefault(PROBLEMS[code][0], [])
        if code not in by_status[PROBLEMS[code][0]]:
            by_status[PROBLEMS[code][0]].append(code)
    return {str(status): _problem_reply(status, by_status[status]) for status in sorted(by_status)}


def _problem_reply(status: int, codes: list[str]) -> dict[str, Any]:
    shown = examples.INSUFFICIENT_STOCK if "insufficient_stock" in codes else None
    content: dict[str, Any] = {"schema": {"$ref": _REF.format(model="Problem")}}
    if shown is not None:
        content["examples"] = {"insufficient_stock": {"value": shown}}
    names = ", ".join(f"`{code}`" for code in sorted(codes))
    phrase = _PHRASES.get(status, HTTPStatus(status).phrase)
    document: dict[str, Any] = {
        "description": f"{phrase}: {names}",
        "content": {"application/problem+json": content},
    }
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        document["headers"] = {"Retry-After": _header("Retry-After")}
    return document


def _schemas(operations: Iterable[Operation]) -> dict[str, Any]:
    models: dict[str, type[BaseModel]] = {"Problem": Problem}
    for operation in operations:
        contents = [reply.content for reply in operation.replies.values() if reply.content]
        for content in (*operation.body, *contents):
            _collect(content.model, models)
    _, definitions = models_json_schema(
        [(model, "validation") for model in models.values()], ref_template=_REF
    )
    return dict(sorted(definitions["$defs"].items()))


def _collect(model: Any, models: dict[str, type[BaseModel]]) -> None:
    if isinstance(model, type) and issubclass(model, BaseModel):
        models[model.__name__] = model
    elif isinstance(model, Mapping):
        for value in model.values():
            _collect(value, models)
    elif isinstance(model, list):
        for value in model:
            _collect(value, models)


def to_yaml(document: dict[str, Any]) -> str:
    """The document as committed."""
    import yaml

    text: str = yaml.dump(
        document, Dumper=_dumper(yaml), sort_keys=False, allow_unicode=True, width=100
    )
    return f"# Made by `make openapi`; do not edit.\n{text}"


def _dumper(yaml: Any) -> Any:
    """A dumper that repeats what occurs twice instead of pointing back to it."""

    class _Plain(yaml.SafeDumper):  # type: ignore[misc]
        def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
            return True

    return _Plain


if __name__ == "__main__":
    from api.routes.catalog import OPERATIONS

    sys.stdout.write(to_yaml(build(OPERATIONS)))
