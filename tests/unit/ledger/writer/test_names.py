"""Names of SKUs in the order in which they came, while the dictionary goes on growing."""

import random

from ledger.writer.names import SkuNames


def test_it_follows_a_dictionary() -> None:
    """Whatever came in between, in any number."""
    names, skus, chance = SkuNames(), dict[str, int](), random.Random(1)
    while len(skus) < 10_000:
        for _ in range(chance.choice([0, 1, 3, 700, 2_500])):
            skus[f"sku-{len(skus)}"] = 0
        names.follow(skus)
        assert len(names) == len(skus)
        assert list(names.walk()) == list(skus)


def test_one_that_was_undone_is_not_there() -> None:
    """It was never taken over, since it never counted; the same name may come later."""
    names, skus = SkuNames(), {"a": 0, "b": 0}
    names.follow(skus)
    skus["undone"] = 0
    del skus["undone"]
    names.follow(skus)
    skus |= {"c": 0, "undone": 0}
    names.follow(skus)
    assert list(names.walk()) == ["a", "b", "c", "undone"]


def test_a_walk_ends_where_it_began() -> None:
    """What came later belongs to the tail of the log."""
    names, skus = SkuNames(), {f"sku-{number}": 0 for number in range(1_500)}
    names.follow(skus)
    walk = names.walk()
    assert next(walk) == "sku-0"
    skus.update({f"later-{number}": 0 for number in range(3_000)})
    names.follow(skus)
    assert list(walk) == list(skus)[1:1_500]
