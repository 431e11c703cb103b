"""Examples of planning in the API's document."""

from typing import Any, Final

from projections.planning.run_fields import fields_of

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
_WORDS: Final = {
    "abc": "A",
    "xyz": "Y",
    "abc_unkept": "A",
    "abc_before": "A",
    "xyz_reason": "measured",
    "pattern": "smooth",
    "velocity": "fast",
    "method": "cycle_service",
    "policy_source": "cell",
    "demand_reason": "measured",
    "lead_time_source": "agreed",
    "policy": "s_q",
    "supplier": "ACME",
    "cost_source": "item",
    "order_basis": "economic",
    "proposal_reason": "above_reorder_point",
}
_NUMBERS: Final[dict[str, Any]] = {
    "count": 52, "quantity": "120", "value": "55012.14", "number": "0.97", "statistic": "387.31",
}  # fmt: skip
FORECAST: Final[dict[str, Any]] = {
    "sku": "85123A",
    "site": None,
    "model": "ses",
    "reason": "backtest",
    "reason_text": "least error in the backtest",
    "bucket": "week",
    "constants": {"alpha": "0.2"},
    "points": [
        {
            "first_day": "2026-11-23",
            "forecast": "387.307692",
            "intervals": [{"level": "0.8", "lower": "120.5", "upper": "654.1"}],
        }
    ],
    "past_errors": 45,
    "backtests": 5,
    "scores": [
        {
            "model": "ses", "why_not": None, "mase": "0.81", "rmsse": "0.79", "bias": "-1.2",
            "pinball": "0.33",
        }
    ],
}  # fmt: skip
SUPPLIER: Final[dict[str, Any]] = {
    "supplier": "ACME", "lines": 12, "value": "8134.5", "lines_without_cost": 0,
}  # fmt: skip


def row(subject: str) -> dict[str, Any]:
    """A row of a list of results."""
    numbers = {
        field.name: _WORDS[field.name] if field.kind == "text" else _NUMBERS[field.kind]
        for field in fields_of(subject)
    }
    more = {"reason_text": "Order 120."} if subject == "replenishment" else {}
    return {"sku": "85123A", "site": None, **numbers, **more}


HEAD: Final = {"run": RUN_ID, "as_of": "2026-11-22"}


def page(item: dict[str, Any]) -> dict[str, Any]:
    """A page of one run with one item."""
    return {**HEAD, "items": [item], "next_cursor": None}


BELOW: Final[dict[str, Any]] = {
    **HEAD,
    "as_of_position": {"3": 17},
    "items": [
        {
            "sku": "85123A",
            "site": None,
            "abc": "A",
            "xyz": "Y",
            "supplier": "ACME",
            "available": "90",
            "inventory_position": "590",
            "reorder_point": "120",
        }
    ],
    "next_cursor": None,
}
EXPLANATION: Final[dict[str, Any]] = {
    **HEAD,
    "as_of_position": {"3": 17},
    "sku": "85123A",
    "site": None,
    "stored": {"safety_stock": "37", "reorder_point": "120"},
    "agrees": True,
    "differences": [],
    "inputs": {
        "buckets": [
            {
                "first_day": "2026-11-16",
                "last_day": "2026-11-22",
                "demand": "387",
                "movements": "/v1/movements?sku=85123A&occurred_from=2026-11-16T00%3A00%3A00Z",
            }
        ],
        "stock_outs": [{"first_day": "2026-10-02", "last_day": "2026-10-03"}],
        "item": {"unit_cost": "2.55"},
        "on_hand": "90",
        "available": "90",
        "on_order": "0",
        "supply_orders_received": [
            {
                "supplier": "ACME",
                "placed_at": "2026-10-01T08:00:00Z",
                "received_at": "2026-10-11T09:30:00Z",
                "quantity": "500",
                "order": "3:11",
            }
        ],
        "movements": "/v1/movements?sku=85123A",
        "parameters": {"as_of": "2026-11-22"},
    },
    "steps": [
        {
            "step": "safety_stock",
            "numbers": [
                {
                    "name": "factor",
                    "symbol": "z",
                    "meaning": "safety factor of the cycle service level P1, to 6 decimals",
                    "value": "1.880794",
                    "unit": None,
                    "formula": "z = Φ⁻¹(P1)",
                    "source": "Wichura (1988), Algorithm AS 241, Applied Statistics 37(3)",
                }
            ],
        }
    ],
}
