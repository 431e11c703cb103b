"""Examples of planning in the API's document."""

from typing import Any, Final

RUN_ID: Final = "019aa9a5-30c0-7b0e-9d3c-5d1f0c6b8a42"
REQUEST: Final[dict[str, Any]] = {
    "as_of": "2026-10-31",
    "demand": {"window_days": 182},
    "abc": {"shares": ["70", "20", "10"]},
}
RUN: Final[dict[str, Any]] = {
    "id": RUN_ID,
    "state": "done",
    "reason": None,
    "origin": "request",
    "as_of": "2026-11-22",
    "as_of_position": {"3": 17},
    "parameters": {"as_of": "2026-11-22", "demand": {"window_days": 365}},
    "parameters_hash": "5f7c3f1b0b6a4a0d9c8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c5b4a3928",
    "publishes": True,
    "previous_run": None,
    "results_kept": True,
    "digest": "9b1a2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9",
    "counts": {"series": 1, "skus": 1},
    "ledger": "019aa9a5-0000-7b0e-9d3c-5d1f0c6b8a42",
    "code_version": "0.1.0",
    "started_at": "2026-11-22T10:00:00Z",
    "finished_at": "2026-11-22T10:00:01Z",
}
RUN_BEGUN: Final[dict[str, Any]] = {
    **RUN,
    "state": "running",
    "as_of_position": None,
    "results_kept": False,
    "digest": None,
    "counts": None,
    "finished_at": None,
}
CHANGE: Final[dict[str, Any]] = {
    "specversion": "1.0",
    "id": "5b6a9a3e-54d0-5f0c-8c53-1f4f0e0a7d55",
    "source": "/stockledger/019aa9a5-0000-7b0e-9d3c-5d1f0c6b8a42",
    "type": "planning.class_changed.v1",
    "subject": "85123A",
    "time": "2026-11-22T10:00:01Z",
    "datacontenttype": "application/json",
    "data": {
        "run": RUN_ID,
        "previous_run": "019aa480-7400-7c1d-8a2b-0f1e2d3c4b5a",
        "as_of": "2026-11-22",
        "sku": "85123A",
        "site": None,
        "before": {"abc": "B", "xyz": "Y"},
        "after": {"abc": "A", "xyz": "Y"},
    },
}
ABC: Final[dict[str, Any]] = {
    "sku": "85123A",
    "site": None,
    "abc": "A",
    "xyz": "Y",
    "abc_unkept": "A",
    "rank": 1,
    "share_percent": "1.930201",
    "cumulative_share_percent": "0",
    "issued_value": "55012.14",
    "lines": 1024,
    "demand": "20140",
}
XYZ: Final[dict[str, Any]] = {
    "sku": "85123A",
    "site": None,
    "abc": "A",
    "xyz": "Y",
    "demand": "20140",
    "xyz_reason": "measured",
    "pattern": "smooth",
    "buckets": 52,
    "demand_buckets": 52,
    "mean": "387.307692",
    "deviation": "210.11842",
    "cv": "0.542511",
    "interval": "1",
    "size_cv_squared": "0.294318",
}
VELOCITY: Final[dict[str, Any]] = {
    "sku": "85123A",
    "site": None,
    "abc": "A",
    "xyz": "Y",
    "lines": 1024,
    "demand": "20140",
    "velocity": "fast",
    "lines_per_month": "84.164384",
    "days_since_demand": 0,
}
