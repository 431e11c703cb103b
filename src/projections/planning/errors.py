"""What is wrong with a parameter of planning, by its name."""


class PlanningError(ValueError):
    """A parameter of planning that has no sense. `field` is its name, `detail` one sentence."""

    def __init__(self, field: str, detail: str) -> None:
        """`field` is the parameter as its options class names it."""
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.detail = detail
