"""Problems of a bundle, each with its file, line and path."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

Place = tuple[str | int, ...]
"""Where in a file: keys and positions (from 0), from the outside in."""

_MAX_COMPARED = 1_000


@dataclass(frozen=True, slots=True)
class BundleProblem:
    """One thing that keeps a bundle from being used. `line` counts from 1."""

    file: str
    line: int
    path: str
    reason: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}"
        return f"{where}: {self.path}: {self.reason}" if self.path else f"{where}: {self.reason}"


class BundleError(ValueError):
    """A bundle cannot be used. `problems` has all problems, by file and line. Correct the files;
    `baton policy check DIR` prints the same list.
    """

    def __init__(self, problems: Iterable[BundleProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True, slots=True)
class Fault:
    """A problem before its file and line are known; `place` is relative to what was read."""

    place: Place
    reason: str


class FaultsError(ValueError):
    """A value was read, and it has `faults`."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(fault.reason for fault in self.faults))

    def as_validation_error(self) -> ValidationError:
        """The form in which a pydantic validator passes on several errors with their places."""
        return ValidationError.from_exception_data(
            "policy",
            [
                InitErrorDetails(
                    type=PydanticCustomError("policy", "{reason}", {"reason": fault.reason}),
                    loc=fault.place,
                    input=None,
                )
                for fault in self.faults
            ],
        )


def path_of(place: Place) -> str:
    """The place as people write it: `fit[2].when.field`."""
    path = ""
    for step in place:
        if isinstance(step, int):
            path += f"[{step}]"
        else:
            path += f".{step}" if path else step
    return path


def did_you_mean(name: str, known: Collection[str]) -> str:
    """`; did you mean 'x'?`; nothing where no known name is near, or too many would be compared."""
    near = get_close_matches(name, known, n=1) if len(known) <= _MAX_COMPARED else []
    return f"; did you mean '{near[0]}'?" if near else ""
