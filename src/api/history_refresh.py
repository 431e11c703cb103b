"""Balance checkpoints kept near the views, in the role `planner`.

Answers do not depend on it: what is in no checkpoint they sum up themselves. It makes them quick.
"""

from api.demand_refresh import DemandRefresh


class HistoryRefresh(DemandRefresh):
    """Catches up again and again. Any number of processes may do it."""

    what = "the balance checkpoints"

    async def _catch_up(self) -> None:
        # It brings numpy, which a server needs for nothing it starts with.
        from projections.history.catching_up import catch_up

        await catch_up(self._database)
