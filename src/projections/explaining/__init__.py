"""Why a balance is what it is: everything that made it, and what was tried and did not."""
