"""The documentation, held to the code: what is made by a program, and what is tested."""
