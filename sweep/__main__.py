"""`python -m sweep` is the console script `sweep`."""

from sweep.cli.main import main

if __name__ == "__main__":
    main()
