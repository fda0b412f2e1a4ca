"""A section of a bundle: one file, its model, the names in it, and what must hold beside others."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, Generic, TypeVar, cast

from pydantic import BaseModel

from baton.policy.problems import Fault, Place, did_you_mean

M = TypeVar("M", bound=BaseModel)


class Sections:
    """The sections of a bundle that could be read."""

    def __init__(self, models: Mapping["Section[Any]", BaseModel]) -> None:
        self._models = models
        self._names: dict[str, tuple[str, ...]] = {}
        for section, model in models.items():
            for kind, names in section.names(model).items():
                self._names[kind] = (*self._names.get(kind, ()), *names)

    def get(self, section: "Section[M]") -> M | None:
        """The section's model; None where it was not asked for or could not be read."""
        return cast("M | None", self._models.get(section))

    def names(self, kind: str) -> Collection[str] | None:
        """The names of that kind, such as 'pool'; None where no section that was read has any."""
        return self._names.get(kind)

    def check_name(self, place: Place, kind: str, name: str) -> Iterator[Fault]:
        """The finding for a name that no section declares; nothing if no section declares names of
        its kind.
        """
        known = self.names(kind)
        if known is not None:
            yield from check_name(place, kind, name, known)


def _no_names(_: Any) -> Mapping[str, Collection[str]]:
    return {}


def _no_faults(_: Any, __: Sections) -> Iterable[Fault]:
    return ()


@dataclass(frozen=True, slots=True, eq=False)
class Section(Generic[M]):
    """A file of a bundle and how it is read.

    Several sections may read one file, each with its own model: its owner all of it, others what
    they need of it.
    """

    file: str
    model: type[M]
    _: KW_ONLY
    optional: bool = False
    """Whether a bundle can do without the file; then the section is its model's defaults."""
    needs: tuple["Section[Any]", ...] = ()
    """Sections that are always read with it. One with conditions needs the definitions."""
    names: Callable[[M], Mapping[str, Collection[str]]] = _no_names
    """The names that other sections can use, by their kind: 'pool', 'rep', 'SLA policy'."""
    find_faults: Callable[[M, Sections], Iterable[Fault]] = _no_faults
    """The faults of the section in relation to other sections, as far as those were read."""


def closure(sections: Iterable[Section[Any]]) -> tuple[Section[Any], ...]:
    """The sections, each once and behind those that it needs."""
    ordered: dict[Section[Any], None] = {}
    for section in sections:
        ordered.update(dict.fromkeys((*closure(section.needs), section)))
    return tuple(ordered)


def check_name(place: Place, kind: str, name: str, known: Collection[str]) -> Iterator[Fault]:
    """The finding for a name that is not among the known names; nothing if it is."""
    if name not in known:
        yield Fault(place, f"unknown {kind} '{name}'{did_you_mean(name, known)}")
