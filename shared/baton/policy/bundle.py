"""A policy bundle: the files on which marketing and sales have agreed, checked and ready to use."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from baton.policy.calendar import BusinessCalendar
from baton.policy.calendars import Calendars
from baton.policy.crosschecks import Parts, findings
from baton.policy.definitions import CustomField, CustomFields, Definitions, Grade
from baton.policy.document import Document, parse
from baton.policy.fields import Vocabulary, vocabulary
from baton.policy.leadtests import LeadTest, LeadTests
from baton.policy.problems import BundleError, Problem, did_you_mean
from baton.policy.reading import peek, read
from baton.policy.routing import Routing
from baton.policy.scoring import Scoring
from baton.policy.sla import Sla
from baton.policy.sources import Source, Sources
from baton.policy.teams import Rep, Team, Teams

T = TypeVar("T")

FILES = (
    "definitions.yaml",
    "scoring.yaml",
    "routing.yaml",
    "sla.yaml",
    "calendars.yaml",
    "teams.yaml",
    "sources.yaml",
    "tests.yaml",
)
"""The files of a bundle, in the order in which problems are told; each must be there."""

MAX_BYTES = 400 * 1024
"""A bundle travels whole in one Kafka record, as JSON, where a text may take twice its size."""

_CUSTOM_FIELDS: TypeAdapter[tuple[CustomField, ...]] = TypeAdapter(CustomFields)
_GRADES: TypeAdapter[tuple[Grade, ...]] = TypeAdapter(tuple[Grade, ...])


class UnknownNameError(LookupError):
    """The bundle has nothing of that name."""


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """What is agreed. `hash` names it; `files` are its texts as they were read."""

    hash: str
    files: Mapping[str, str]
    definitions: Definitions
    scoring: Scoring
    routing: Routing
    sla: Sla
    calendars: Mapping[str, BusinessCalendar]
    teams: Teams
    sources: Mapping[str, Source]
    tests: tuple[LeadTest, ...]

    @classmethod
    def parse(cls, files: Mapping[str, str]) -> "Bundle":
        """The bundle of these texts, by their file names.

        Raises BundleError, and nothing else, with all the problems that were found.
        """
        _raise_if_any(_misfits(files))
        problems: list[Problem] = []
        documents: dict[str, Document] = {}
        for name in FILES:
            documents[name], found = parse(name, files[name])
            problems += found
        known = _vocabulary(documents["definitions.yaml"])
        parts = _parts(documents, known, problems)
        problems += [
            documents[finding.file].problem(finding.place, finding.reason)
            for finding in findings(parts)
        ]
        _raise_if_any(problems)
        return cls._of(files, parts)

    @classmethod
    def read(cls, directory: Path) -> "Bundle":
        """The bundle in a directory: each of its files that ends in `.yaml` or `.yml`.

        Raises BundleError as `parse` does, and for what can't be read.
        """
        return cls.parse(texts_in(directory))

    @classmethod
    def _of(cls, files: Mapping[str, str], parts: Parts) -> "Bundle":
        """Of parts that have no problems: they are all there."""
        match parts:
            case Parts(
                definitions=Definitions() as definitions,
                scoring=Scoring() as scoring,
                routing=Routing() as routing,
                sla=Sla() as sla,
                calendars=Calendars(calendars=calendars),
                teams=Teams() as teams,
                sources=Sources(sources=sources),
                tests=LeadTests(tests=tests),
            ):
                return cls(
                    hash=content_hash(files),
                    files=dict(files),
                    definitions=definitions,
                    scoring=scoring,
                    routing=routing,
                    sla=sla,
                    calendars={n: c.business_calendar() for n, c in calendars.items()},
                    teams=teams,
                    sources=sources,
                    tests=tuple(test.of_brand(sources[test.lead.source].brand) for test in tests),
                )
        msg = "a part of a bundle is missing, and no problem says so"
        raise AssertionError(msg)

    def calendar(self, name: str) -> BusinessCalendar:
        """The calendar of that name. Raises UnknownNameError."""
        if name not in self.calendars:
            raise _unknown("calendar", name, self.calendars)
        return self.calendars[name]

    def rep(self, rep: str) -> Rep:
        """The rep of that id. Raises UnknownNameError."""
        found = self.teams.rep(rep)
        if found is None:
            raise _unknown("rep", rep, [each.id for each in self.teams.reps])
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
            raise _unknown("team", team, [each.id for each in self.teams.teams])
        return found


def content_hash(files: Mapping[str, str]) -> str:
    """The name of these texts: what `sha256sum *.yaml | sha256sum` prints in their directory.

    That is, in hex: SHA-256 over one line for each file, sorted by name as bytes: the SHA-256 of
    its UTF-8 bytes in hex, two spaces, its name, a line feed.
    """
    lines = (
        f"{hashlib.sha256(files[name].encode()).hexdigest()}  {name}\n"
        for name in sorted(files, key=str.encode)
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def texts_in(directory: Path) -> dict[str, str]:
    """The texts of a bundle's directory by file name, unchecked. Raises BundleError."""
    texts: dict[str, str] = {}
    problems = []
    if not directory.is_dir():
        problems.append(Problem(directory.name, 1, "", "no such directory"))
    for path in sorted(directory.glob("*")):
        if path.suffix not in (".yaml", ".yml"):
            continue
        try:
            if path.stat().st_size > MAX_BYTES:
                problems.append(Problem(path.name, 1, "", f"larger than {MAX_BYTES} bytes"))
            else:
                texts[path.name] = path.read_bytes().decode()
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            problems.append(Problem(path.name, line, "", "not UTF-8"))
        except OSError as error:
            problems.append(Problem(path.name, 1, "", f"can't be read: {error.strerror}"))
    _raise_if_any(problems)
    return texts


def _vocabulary(definitions: Document) -> Vocabulary:
    custom = peek(_CUSTOM_FIELDS, definitions, "custom_fields", ())
    grades = peek(_GRADES, definitions, "grades", ())
    kinds = None if custom is None else {field.name: field.type for field in custom}
    return vocabulary(kinds, tuple(grade.id for grade in grades or ()))


def _parts(documents: Mapping[str, Document], known: Vocabulary, problems: list[Problem]) -> Parts:
    return Parts(
        definitions=read(Definitions, documents["definitions.yaml"], known, problems),
        scoring=read(Scoring, documents["scoring.yaml"], known, problems),
        routing=read(Routing, documents["routing.yaml"], known, problems),
        sla=read(Sla, documents["sla.yaml"], known, problems),
        calendars=read(Calendars, documents["calendars.yaml"], known, problems),
        teams=read(Teams, documents["teams.yaml"], known, problems),
        sources=read(Sources, documents["sources.yaml"], known, problems),
        tests=read(LeadTests, documents["tests.yaml"], known, problems),
    )


def _misfits(files: Mapping[str, str]) -> Iterator[Problem]:
    """Files that are missing or not a bundle's, and what is too large to be looked into."""
    for name in FILES:
        if name not in files:
            yield Problem(name, 1, "", "the file is missing")
    for name in files:
        if name not in FILES:
            yield Problem(name, 1, "", f"not a file of a bundle{did_you_mean(name, FILES)}")
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in files.values())
    if size > MAX_BYTES:
        largest = max(files, key=lambda name: len(files[name]))
        reason = f"the bundle has {size} bytes, and must not have more than {MAX_BYTES}"
        yield Problem(largest, 1, "", reason)


def _raise_if_any(problems: Iterable[Problem]) -> None:
    order = {name: i for i, name in enumerate(FILES)}
    found = sorted(set(problems), key=lambda p: (order.get(p.file, -1), p.file, p.line, p.path))
    if found:
        raise BundleError(found)


def _unknown(what: str, name: str, known: Collection[str]) -> UnknownNameError:
    return UnknownNameError(f"unknown {what} '{name}'{did_you_mean(name, known)}")
