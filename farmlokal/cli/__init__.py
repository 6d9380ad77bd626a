"""The `farmlokal` command."""
