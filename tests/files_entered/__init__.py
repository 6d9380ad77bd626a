"""Which files of ours one request enters: `python -m tests.files_entered` counts them for docs/architecture.md."""
