"""`python -m tests.cli.impatient_process`: the command, with a second's patience for its database."""

from farmlokal.app import dependencies
from farmlokal.cli.main import main

dependencies.DATABASE_WAIT_MAX_S = 1

if __name__ == "__main__":
    main()
