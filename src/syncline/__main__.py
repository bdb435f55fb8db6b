"""`python -m syncline`: the same as the `syncline` command."""

from syncline.app.cli import main

main()
