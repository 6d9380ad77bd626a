"""`python -m tests.servers [proof] [bench]`: finds the programs that tests, proofs or benchmarks need, or gets them."""

import sys

from tests.servers.install import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
