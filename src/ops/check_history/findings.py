"""The rules of a history, by the codes of what breaks them."""

from typing import Final

# Every rule there is. Scripts go by the codes; they are never renamed.
CODES: Final[dict[str, str]] = {
    "undecodable": "a record that counts cannot be read",
    "gap": "offsets are missing from the log",
    "stated_ahead": "a record states an offset behind the place where it lies",
    "chain_broken": "a record does not carry the hash of its predecessor",
    "other_partition": "records of one SKU lie in two partitions",
    "counted_twice": "an id counts more than once",
    "unbalanced": "the entries of a movement, or all accounts of a SKU, do not sum to zero",
    "negative": "a stock key holds less than nothing",
    "wrong_balance": "a record states another balance than its predecessors add up to",
    "wrong_value": "a movement states another value than its predecessors make it",
    "wrong_accounts": "a movement goes between other accounts than its command asks for",
    "wrong_supply": "a record says of a supply order what its predecessors do not add up to",
    "condition_broken": "a movement counts although its expected_on_hand did not hold",
    "undone_twice": "a movement was reversed twice, or more of it came back than went out",
    "lost": "an acknowledged id does not count",
    "elsewhere": "an answer states another position than the record has",
    "refused_counts": "a refused id moved stock",
    "accepted_refused": "an accepted id is recorded as refused",
    "refusal_lost": "a refusal was answered with a position at which no refusal lies",
    "other_refusal": "a refusal was answered with another code or other numbers than recorded",
    "unjustified": "a refusal for a reason that did not hold",
    "told_no": "a record counts although every caller was told that nothing was written",
    "first_twice": "two callers were told that theirs was the first to count",
    "unsent": "a record counts that no client sent",
    "wrong_content": "a record says something else than its client sent",
    "reused_unfounded": "an id was called reused that was not used for anything else",
    "order": "a call was answered before another was sent, and lies behind it",
    "wrong_answer": "an answer states another balance than the records up to its position",
    "stale_read": "a read answered from before the position it was asked to wait for",
    "ahead_of_log": "a position lies beyond the end of the log",
    "view_differs": "a row of the views is not what the records add up to",
    "snapshot_differs": "a snapshot is not what the records add up to",
}
