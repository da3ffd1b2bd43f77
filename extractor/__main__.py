"""`python -m extractor` is `b24x`."""

from extractor.cli import main

main(prog_name="b24x")
