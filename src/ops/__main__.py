"""`python -m ops`, and the script `stockledger`.

Processes that a command starts import the script again; what it imports here they need not.
"""


def main() -> None:
    """Run a command."""
    from ops.cli import main as run

    run()


if __name__ == "__main__":
    main()
