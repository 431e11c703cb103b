"""Traces, where the extra `otel` is installed and an exporter is configured."""

import os
from importlib.util import find_spec
from typing import Final

import structlog
from fastapi import FastAPI

ENDPOINT_VARIABLE: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_EXCLUDED: Final = "livez,readyz,metrics"

_log = structlog.get_logger("api.telemetry")


def instrument(app: FastAPI) -> bool:
    """Trace requests if the operator asks for it; whether it does."""
    if not os.environ.get(ENDPOINT_VARIABLE):
        return False
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.instrumentation") is None:
        _log.warning("tracing_not_installed", needed="stockledger[otel]")
        return False
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = os.environ.get("OTEL_SERVICE_NAME", "stockledger")
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    FastAPIInstrumentor.instrument_app(app, tracer_provider=provider, excluded_urls=_EXCLUDED)
    return True
