"""`python -m farmlokal` is the `farmlokal` command."""

from farmlokal.cli.main import main

main()
