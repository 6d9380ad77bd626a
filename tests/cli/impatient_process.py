"""`python -m tests.cli.impatient_process`: the command, with a second's patience for its database."""

from farmlokal.app import resources
from farmlokal.cli.main import main

resources.DATABASE_WAIT_MAX_S = 1

if __name__ == "__main__":
    main()
