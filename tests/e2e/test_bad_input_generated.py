"""Requests made by machine from openapi.yaml, good ones and bad ones, against a real server.

No answer is a 5xx; every answer has a status, a content type and headers that the description
declares, and its body fits the schema declared for it.
"""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CHECKS

from tests.unit.api.serving import serving, settings_in

DESCRIPTION = Path(__file__).parents[2] / "openapi.yaml"
EXAMPLES_MAX = 40
BULK = "/v1/movements/bulk"
# `positive_data_acceptance` is left out: stock that is not there is refused however well asked for.
CHECKS_MADE = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
)


@schemathesis.serializer("application/x-ndjson")
def as_lines(_context: schemathesis.SerializationContext, value: object) -> bytes:
    """Any text is a body; whether its lines are documents is what is tried."""
    return str(value).encode("utf-8", "surrogatepass")


CONFIG = schemathesis.Config.from_dict(
    {
        "generation": {"deterministic": True},
        # A malformed question may also be too long for a head or a body.
        "checks": {
            "negative_data_rejection": {"expected-statuses": [404, 409, 413, 415, 422, 431]}
        },
    }
)
schema = schemathesis.openapi.from_path(DESCRIPTION, config=CONFIG)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server in a thread of its own, since the requests are made without a loop."""
    folder = tmp_path_factory.mktemp("generated")
    started, stop = threading.Event(), threading.Event()
    ports: list[int] = []

    async def run() -> None:
        async with serving(settings_in(folder, view_wait_seconds=0.2)) as port:
            ports.append(port)
            started.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert started.wait(30)
    yield f"http://127.0.0.1:{ports[0]}"
    stop.set()
    thread.join()


@pytest.mark.timeout(300)
@schema.parametrize()
@settings(
    max_examples=EXAMPLES_MAX,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_generated_requests(case: schemathesis.Case[Any], url: str) -> None:
    """Each operation for itself."""
    # A bulk answers 200 and tells the malformed items apart.
    left_out = {"negative_data_rejection"} if case.path == BULK else set()
    names = [name for name in CHECKS_MADE if name not in left_out]
    checks: list[Any] = list(CHECKS.get_by_names(names))
    case.call_and_validate(base_url=url, checks=checks)
