"""`python -m baton.contracts write|check|release`, from the project's root."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from baton.contracts import compatibility, documents

_WAY_OUT = (
    "A change that breaks a reader needs a new type beside the old one (`...v2`); see "
    "docs/contracts/README.md."
)


def main() -> int:
    """Do what is asked; 0 if all is well."""
    parser = argparse.ArgumentParser(prog="python -m baton.contracts", description=__doc__)
    parser.add_argument("command", choices=("write", "check", "release"))
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="default: docs")
    options = parser.parse_args()
    docs: Path = options.docs

    contract = documents.current_contract()
    breaks = compatibility.breaks(documents.released_contract(docs), contract)
    if breaks:
        return _refuse(breaks, _WAY_OUT)
    made = documents.generate(docs)
    if options.command == "write":
        documents.write(docs, made)
        return 0
    differences = list(documents.find_differences(docs, made))
    if differences:
        return _refuse(differences, "`python -m baton.contracts write` brings them up to date.")
    if options.command == "release":
        documents.release(docs, contract)
    return 0


def _refuse(reasons: Iterable[object], way_out: str) -> int:
    sys.stderr.writelines(f"{reason}\n" for reason in reasons)
    sys.stderr.write(f"\n{way_out}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
