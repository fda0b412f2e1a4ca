"""A policy bundle: the files on which marketing and sales have agreed, checked and ready to use."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter

from baton.policy.calendar import BusinessCalendar
from baton.policy.calendars import CALENDARS
from baton.policy.definitions import DEFINITIONS, CustomField, CustomFields, Definitions, Grade
from baton.policy.document import Document, parse
from baton.policy.fields import Vocabulary, vocabulary
from baton.policy.problems import BundleError, BundleProblem, did_you_mean
from baton.policy.reading import peek, read
from baton.policy.section import Section, Sections, closure
from baton.policy.teams import TEAMS, RepDefinition, Team, Teams

M = TypeVar("M", bound=BaseModel)

MAX_BYTES = 400 * 1024
"""A bundle travels whole in one Kafka record, as JSON, where a text may take twice its size."""

_CUSTOM_FIELDS: TypeAdapter[tuple[CustomField, ...]] = TypeAdapter(CustomFields)
_GRADES: TypeAdapter[tuple[Grade, ...]] = TypeAdapter(tuple[Grade, ...])


class UnknownNameError(LookupError):
    """The bundle has nothing of that name."""


class SectionNotReadError(LookupError):
    """A section is asked for that the bundle was parsed without: declare it where it is parsed."""


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A policy bundle. `hash` identifies it; `files` has the text of each file as it was read."""

    hash: str
    files: Mapping[str, str]
    sections: Sections

    @classmethod
    def parse(cls, files: Mapping[str, str], sections: Iterable[Section[Any]]) -> "Bundle":
        """The bundle of these texts, by their file names, with these sections and those they need.

        No other file is looked into: what stands there is somebody else's, and may be newer than
        this release. Raises BundleError, and nothing else, with all the problems that were found.
        """
        needed = closure(sections)
        names = dict.fromkeys(section.file for section in needed)
        own = {name: files[name] for name in names if name in files}
        return cls._parse(files, needed, _too_large(own))

    @classmethod
    def parse_whole(cls, files: Mapping[str, str], sections: Iterable[Section[Any]]) -> "Bundle":
        """As `parse`, but a file that none of the sections reads is a problem.

        With the sections of all services it is the check of a bundle that is to be put in force.
        """
        needed = closure(sections)
        return cls._parse(files, needed, [*_strangers(files, needed), *_too_large(files)])

    @classmethod
    def read(cls, directory: Path, sections: Iterable[Section[Any]]) -> "Bundle":
        """The whole bundle in a directory: each of its files that ends in `.yaml` or `.yml`.

        Raises BundleError as `parse_whole` does, and for what can't be read.
        """
        return cls.parse_whole(texts_in(directory), sections)

    @classmethod
    def _parse(
        cls,
        files: Mapping[str, str],
        sections: Collection[Section[Any]],
        misfits: Iterable[BundleProblem],
    ) -> "Bundle":
        order = list(dict.fromkeys(section.file for section in sections))
        _raise_if_any([*_missing(files, sections), *misfits], order)
        problems: list[BundleProblem] = []
        documents: dict[str, Document] = {}
        for name in order:
            if name in files:
                documents[name], found = parse(name, files[name])
                problems += found
        readable = Sections(_models(documents, sections, problems))
        problems += _problems_of_faults(documents, sections, readable)
        _raise_if_any(problems, order)
        return cls(content_hash(files), dict(files), readable)

    def section(self, section: Section[M]) -> M:
        """The model of a section with which the bundle was parsed."""
        found = self.sections.get(section)
        if found is None:
            msg = f"the bundle was parsed without {section.file} as {section.model.__name__}"
            raise SectionNotReadError(msg)
        return found

    @property
    def definitions(self) -> Definitions:
        """The words both sides use."""
        return self.section(DEFINITIONS)

    @property
    def teams(self) -> Teams:
        """The teams of sales and their reps."""
        return self.section(TEAMS)

    @property
    def calendars(self) -> Mapping[str, BusinessCalendar]:
        """When the teams work."""
        return self.section(CALENDARS).business_calendars

    def calendar(self, name: str) -> BusinessCalendar:
        """The calendar of that name. Raises UnknownNameError."""
        if name not in self.calendars:
            raise _unknown("calendar", name, self.calendars)
        return self.calendars[name]

    def rep(self, rep: str) -> RepDefinition:
        """The rep of that id. Raises UnknownNameError."""
        found = self.teams.rep(rep)
        if found is None:
            raise _unknown("rep", rep, [member.id for member in self.teams.reps])
        return found

    def team(self, rep: str) -> Team:
        """The team of the rep of that id. Raises UnknownNameError."""
        return self._team(self.rep(rep).team)

    def team_calendar(self, team: str) -> BusinessCalendar:
        """The calendar of the team of that id. Raises UnknownNameError."""
        return self.calendar(self._team(team).calendar)

    def _team(self, team: str) -> Team:
        found = self.teams.team(team)
        if found is None:
            raise _unknown("team", team, [team_of_bundle.id for team_of_bundle in self.teams.teams])
        return found


def content_hash(files: Mapping[str, str]) -> str:
    """The hash of these texts, as `sha256sum *.yaml | sha256sum` prints it in their directory. It
    is the SHA-256 (in hex) over one line for each file, sorted by name as bytes. A line has the
    SHA-256 of the file's UTF-8 bytes in hex, two spaces, its name, and a line feed.
    """
    lines = (
        hashlib.sha256(_bytes(files[name])).hexdigest().encode() + b"  " + _bytes(name) + b"\n"
        for name in sorted(files, key=_bytes)
    )
    return hashlib.sha256(b"".join(lines)).hexdigest()


def texts_in(directory: Path) -> dict[str, str]:
    """The texts of a bundle's directory by file name, unchecked. Raises BundleError."""
    texts: dict[str, str] = {}
    problems = []
    if not directory.is_dir():
        problems.append(BundleProblem(directory.name, 1, "", "no such directory"))
    for path in sorted(directory.glob("*")):
        if path.suffix not in (".yaml", ".yml"):
            continue
        try:
            if path.stat().st_size > MAX_BYTES:
                problems.append(BundleProblem(path.name, 1, "", f"larger than {MAX_BYTES} bytes"))
            else:
                texts[path.name] = path.read_bytes().decode()
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            problems.append(BundleProblem(path.name, line, "", "not UTF-8"))
        except OSError as error:
            problems.append(BundleProblem(path.name, 1, "", f"can't be read: {error.strerror}"))
    _raise_if_any(problems, [])
    return texts


def _models(
    documents: Mapping[str, Document],
    sections: Iterable[Section[Any]],
    problems: list[BundleProblem],
) -> dict[Section[Any], BaseModel]:
    """The sections that fit their models; what is wrong with the others is added."""
    known = _vocabulary(documents.get(DEFINITIONS.file))
    models: dict[Section[Any], BaseModel] = {}
    for section in sections:
        if section.file not in documents:
            models[section] = section.model()
            continue
        model = read(section.model, documents[section.file], known, problems)
        if model is not None:
            models[section] = model
    return models


def _problems_of_faults(
    documents: Mapping[str, Document], sections: Iterable[Section[Any]], readable: Sections
) -> Iterator[BundleProblem]:
    for section in sections:
        model = readable.get(section)
        if model is not None and section.file in documents:
            for fault in section.find_faults(model, readable):
                yield documents[section.file].problem(fault.place, fault.reason)


def _vocabulary(definitions: Document | None) -> Vocabulary:
    if definitions is None:
        # No section that is read has conditions: it would need the definitions.
        return vocabulary({})
    custom = peek(_CUSTOM_FIELDS, definitions, "custom_fields", ())
    grades = peek(_GRADES, definitions, "grades", ())
    kinds = None if custom is None else {field.name: field.type for field in custom}
    return vocabulary(kinds, tuple(grade.id for grade in grades or ()))


def _missing(files: Mapping[str, str], sections: Iterable[Section[Any]]) -> Iterator[BundleProblem]:
    for section in sections:
        if section.file not in files and not section.optional:
            yield BundleProblem(section.file, 1, "", "the file is missing")


def _strangers(
    files: Mapping[str, str], sections: Iterable[Section[Any]]
) -> Iterator[BundleProblem]:
    known = dict.fromkeys(section.file for section in sections)
    for name in files:
        if name not in known:
            yield BundleProblem(name, 1, "", f"not a file of a bundle{did_you_mean(name, known)}")


def _too_large(files: Mapping[str, str]) -> Iterator[BundleProblem]:
    """Problems for files that are too large to be parsed."""
    size = sum(len(_bytes(text)) for text in files.values())
    if size > MAX_BYTES:
        largest = max(files, key=lambda name: len(files[name]))
        reason = f"the bundle has {size} bytes, and must not have more than {MAX_BYTES}"
        yield BundleProblem(largest, 1, "", reason)


def _raise_if_any(problems: Iterable[BundleProblem], order: Collection[str]) -> None:
    """`order`: the files in the order in which their problems are told, other files before them."""
    position = {name: i for i, name in enumerate(order)}
    found = sorted(set(problems), key=lambda p: (position.get(p.file, -1), p.file, p.line, p.path))
    if found:
        raise BundleError(found)


def _bytes(text: str) -> bytes:
    """UTF-8; also of half a pair, which no file can have and a record of JSON can."""
    return text.encode("utf-8", "surrogatepass")


def _unknown(kind: str, name: str, known: Collection[str]) -> UnknownNameError:
    return UnknownNameError(f"unknown {kind} '{name}'{did_you_mean(name, known)}")
