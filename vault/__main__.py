"""``python -m vault`` is ``datavault``."""

from vault.cli import main

main(prog_name="datavault")
