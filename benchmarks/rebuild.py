"""How fast the views are made anew; see `benchmarks.rebuilding`.

The processes that read the log import this file again, as those of the command do its script: what
only the measuring needs is not among what they import.
"""

if __name__ == "__main__":
    from benchmarks.rebuilding import main

    main()
