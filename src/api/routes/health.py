"""Whether the server lives, whether it is ready, and its numbers."""

from http import HTTPStatus
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request

from api.answers import Answer, document
from api.dependencies import services
from api.operations import Content, Operation, Reply
from api.problems import Problem
from api.queries import read_query
from api.schemas.health import Live, Ready

_METRICS_TYPE: Final = CONTENT_TYPE_LATEST.encode()


async def get_livez(request: Request) -> Answer:
    """The process answers; nothing else is looked at."""
    read_query(request, ())
    return document(HTTPStatus.OK, {"status": "live"})


async def get_readyz(request: Request) -> Answer:
    """Whether this process can do what its roles ask, and if not, why."""
    read_query(request, ())
    parts = services(request)
    reasons = await parts.not_ready()
    if reasons:
        raise Problem("unavailable", "not ready", members={"reasons": reasons})
    return document(HTTPStatus.OK, {"status": "ready"})


async def get_metrics(request: Request) -> Answer:
    """Numbers for Prometheus."""
    read_query(request, ())
    parts = services(request)
    await parts.refresh_gauges()
    return Answer(HTTPStatus.OK, generate_latest(parts.registry), (), _METRICS_TYPE)


OPERATIONS: Final = (
    Operation(
        "GET", "/livez", get_livez, "getLive", "health", "Whether the process lives",
        {200: Reply("It does.", Content(Live, examples={"live": {"status": "live"}}))},
        open=True,
    ),
    Operation(
        "GET", "/readyz", get_readyz, "getReady", "health", "Whether the process is ready",
        {200: Reply("It is.", Content(Ready, examples={"ready": {"status": "ready"}}))},
        description="503 with `reasons` while it recovers, and where a partition or view stopped.",
        problems=("unavailable",),
        open=True,
    ),
    Operation(
        "GET", "/metrics", get_metrics, "getMetrics", "health", "Numbers for Prometheus",
        {200: Reply("The exposition format.", Content({"type": "string"}, "text/plain"))},
        description="Needs a key where keys are configured, as everything but livez and readyz.",
    ),
)  # fmt: skip
