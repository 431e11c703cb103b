"""Traces, only where they are asked for."""

import pytest
from starlette.types import Receive, Scope, Send

from api.operations import routes
from api.routes.catalog import OPERATIONS
from api.telemetry import ENDPOINT_VARIABLE, template_of, traced


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Nothing."""


def test_without_an_exporter_nothing_is_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    """The application stays as it is."""
    monkeypatch.delenv(ENDPOINT_VARIABLE, raising=False)
    assert traced(app, []) is app


def test_without_the_extra_nothing_is_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    """But the operator hears of it."""
    monkeypatch.setenv(ENDPOINT_VARIABLE, "http://127.0.0.1:9")
    monkeypatch.setattr("api.telemetry._installed", lambda: False)
    assert traced(app, []) is app


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/v1/stock/A", "/v1/stock/{sku}"),
        ("/v1/movements/bulk", "/v1/movements/bulk"),
        ("/v1/movements/a/reversal", "/v1/movements/{id}/reversal"),
        ("/nothing", "unmatched"),
    ],
)
def test_spans_are_named_by_template(path: str, template: str) -> None:
    """Codes would make a name of each."""
    scope = {"type": "http", "method": "GET", "path": path}
    assert template_of(scope, routes(OPERATIONS)) == template
