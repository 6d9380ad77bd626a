"""`python -m tests.servers`: finds the server programs that the tests need, or installs them."""

import sys

from tests.servers.install import main

if __name__ == "__main__":
    sys.exit(main())
