"""`python -m runbooks` is the `runbooks` command."""

from runbooks.cli import main

main()
