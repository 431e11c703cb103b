"""The least a FastAPI service can do with a movement: validate it with pydantic, send it back."""

import sys

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Reference(BaseModel):
    """The document behind a movement."""

    type: str
    id: str


class Movement(BaseModel):
    """The fields of a movement that the benchmark sends."""

    id: str
    type: str
    sku: str
    quantity: str
    location: str
    unit_cost: str | None = None
    reference: Reference | None = None


@app.post("/echo", status_code=201)
async def echo(movement: Movement) -> Movement:
    """Answer what was sent."""
    return movement


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="error",
    )
