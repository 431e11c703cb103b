"""`python -m ops`: the same command line where the script `stockledger` is not on the path."""

from ops.cli import main

main()
