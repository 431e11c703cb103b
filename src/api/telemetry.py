"""Traces, where the extra `otel` is installed and an exporter is configured."""

import os
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, Final

import structlog
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Scope

ENDPOINT_VARIABLE: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_EXCLUDED: Final = "livez,readyz,metrics"

_log = structlog.get_logger("api.telemetry")


def traced(app: ASGIApp, routes: Sequence[BaseRoute]) -> ASGIApp:
    """The application with a span around each request, if the operator asks for it.

    The layer for any ASGI application is taken: the one for FastAPI looks for layers of the
    framework that are not there.
    """
    if not os.environ.get(ENDPOINT_VARIABLE):
        return app
    if not _installed():
        _log.warning("tracing_not_installed", needed="stockledger[otel]")
        return app
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.util.http import parse_excluded_urls

    name = os.environ.get("OTEL_SERVICE_NAME", "stockledger")
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))

    def details(scope: Scope) -> tuple[str, dict[str, Any]]:
        template = template_of(scope, routes)
        return f"{scope.get('method', '')} {template}".strip(), {"http.route": template}

    layer: ASGIApp = OpenTelemetryMiddleware(
        app,
        excluded_urls=parse_excluded_urls(_EXCLUDED),
        default_span_details=details,
        tracer_provider=provider,
        exclude_spans=["receive", "send"],
    )
    return layer


def template_of(scope: Scope, routes: Sequence[BaseRoute]) -> str:
    """The template of the path, so that spans of one operation have one name."""
    for route in routes:
        if route.matches(scope)[0] is Match.FULL:
            return str(getattr(route, "path", ""))
    return "unmatched"


def _installed() -> bool:
    try:
        return find_spec("opentelemetry.instrumentation.asgi") is not None
    except ModuleNotFoundError:
        return False
