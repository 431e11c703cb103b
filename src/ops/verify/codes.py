"""The rules that are checked, by the codes of what breaks them. Scripts go by the codes."""

from typing import Final

CODES: Final[dict[str, str]] = {
    "unreadable": "what is stored cannot be read back: a file or a disk is damaged",
    "gap": "offsets are missing from the log",
    "out_of_order": "a record lies before another one that has a lower offset",
    "stated_ahead": "a record states an offset behind the place where it lies",
    "chain_broken": "a record does not carry the hash of its predecessor",
    "undecodable": "a record that counts cannot be read",
    "not_as_written": "the bytes of a record are not those that its content is written as",
    "other_ledger": "something belongs to another ledger",
    "misplaced": "a record lies in another partition than its SKU's",
    "time_went_back": "a record was recorded before its predecessor",
    "level_too_early": "a record of a level to which the log was not raised",
    "counted_twice": "an id counts more than once",
    "unbalanced": "all accounts of a SKU do not sum to zero",
    "negative": "a stock key holds less than nothing",
    "wrong_balance": "a record states another balance than its predecessors add up to",
    "wrong_value": "a movement states another value than its predecessors make it",
    "wrong_accounts": "a movement is not what its command asks for",
    "wrong_scale": "a movement counts in other units than its SKU does",
    "wrong_supply": "a record says of a supply order what its predecessors do not add up to",
    "wrong_link": "a movement names another one that is not there or cannot be named so",
    "condition_broken": "a movement counts although its expected_on_hand did not hold",
    "undone_twice": "a movement was reversed twice, or more of it came back than went out",
    "wrong_refusal": "a refusal is not one that a ledger writes",
    "ahead_of_log": "something was made of records that the log does not have",
    "view_differs": "a row of the views is not what the log makes it",
    "snapshot_corrupt": "a snapshot is not what its manifest says",
    "snapshot_differs": "a snapshot is not what the records add up to",
    "levels_differ": "the topic of levels does not say what the view of stock says",
    "seal_differs": "the history before a seal is not the one that was sealed",
    "shorter_than_seal": "the log ends before what was sealed",
}
KEPT_MAX_DEFAULT: Final = 20
