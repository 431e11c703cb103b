"""What is counted about HTTP, in plain integers: it happens for every request.

All requests are handled by one thread, so that nothing needs a lock. `/metrics` turns the numbers
into Prometheus' text when somebody asks.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

SECONDS_BOUNDS: Final = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
)  # fmt: skip
_BOUND_NAMES: Final = (*(str(bound) for bound in SECONDS_BOUNDS), "+Inf")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _Latency:
    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        self.buckets = [0] * len(_BOUND_NAMES)
        self.seconds = 0.0


class HttpMetrics(Collector):
    """Requests by method, route template and status, and how long each route takes."""

    def __init__(self) -> None:
        """Nothing was counted yet."""
        self._requests: dict[tuple[str, str, int], int] = {}
        self._latencies: dict[tuple[str, str], _Latency] = {}

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request. `route` is a template, never a path, so that there are few."""
        if method not in _METHODS:
            method = "other"
        key = (method, route, status)
        requests = self._requests
        requests[key] = requests.get(key, 0) + 1
        latency = self._latencies.get((method, route))
        if latency is None:
            latency = self._latencies[method, route] = _Latency()
        latency.buckets[bisect_left(SECONDS_BOUNDS, seconds)] += 1
        latency.seconds += seconds

    def collect(self) -> Iterator[Metric]:
        """The families for Prometheus."""
        requests = CounterMetricFamily(
            "stockledger_http_requests",
            "HTTP requests by method, route and status.",
            labels=["method", "route", "status"],
        )
        for (method, route, status), count in sorted(self._requests.items()):
            requests.add_metric([method, route, str(status)], count)
        yield requests
        seconds = HistogramMetricFamily(
            "stockledger_http_request_seconds",
            "Seconds from the first byte of a request to the end of its answer.",
            labels=["method", "route"],
        )
        for labels, latency in sorted(self._latencies.items()):
            seconds.add_metric(list(labels), _cumulative(latency.buckets), latency.seconds)
        yield seconds

    def describe(self) -> Iterable[Metric]:
        """Nothing: the families are made when they are asked for."""
        return ()


def _cumulative(buckets: list[int]) -> list[tuple[str, float]]:
    total = 0
    result: list[tuple[str, float]] = []
    for name, count in zip(_BOUND_NAMES, buckets, strict=True):
        total += count
        result.append((name, total))
    return result
