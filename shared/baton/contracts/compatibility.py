"""Whether a contract can follow another: readers of either release can read what either wrote.

Old data stays in the topics and is read by the newer release. New data is read by the older one,
while services are exchanged one by one, and by readers outside. So what may come is a field with a
default, a value in a list that was declared as growing, a type, a topic. All else breaks one reader
or the other, and asks for a new type (`...v2`) beside the old.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from baton.contracts.schemas import Document

NEW_READER = "this release could not read what is in the topics already"
OLD_READER = "readers of the older release could not read what this one writes"
EITHER = "readers of either release could not read what the other writes"

_SAYS_NOTHING = {"$schema", "$id", "$defs", "title", "description", "examples", "deprecated"}
_LOOKED_INTO = {"type", "anyOf", "properties", "required", "items", "additionalProperties"}
_LOOKED_INTO |= {"default", "enum", "x-extensible-enum"}
_UPPER_BOUNDS = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}
_LOWER_BOUNDS = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}


@dataclass(frozen=True, slots=True)
class Contract:
    """All that is compared: schemas by type (and that of the headers), topics by name."""

    schemas: Mapping[str, Document]
    topics: Mapping[str, Document]


@dataclass(frozen=True, slots=True)
class Break:
    """A change that breaks a reader: of which type or topic, in which field, and whom."""

    subject: str
    field: str
    change: str
    reader: str

    def __str__(self) -> str:
        """One line for who made the change."""
        where = f"{self.subject}: {self.field}" if self.field else self.subject
        return f"{where} {self.change}; {self.reader}"


def breaks(old: Contract, new: Contract) -> list[Break]:
    """The changes in `new` that break a reader, in the order of `old`."""
    found: list[Break] = []
    for name, topic in old.topics.items():
        found += _in_topic(f"topic {name}", topic, new.topics.get(name))
    for name, schema in old.schemas.items():
        if name in new.schemas:
            found += _in_schema(_Field(name, ""), _inlined(schema), _inlined(new.schemas[name]))
        else:
            found.append(Break(name, "", "is gone", NEW_READER))
    return found


@dataclass(frozen=True, slots=True)
class _Field:
    """A place in the data of a type, from which breaks are told."""

    subject: str
    path: str

    def __truediv__(self, name: str) -> "_Field":
        return _Field(self.subject, f"{self.path}.{name}" if self.path else name)

    def element(self, brackets: str) -> "_Field":
        return _Field(self.subject, self.path + brackets)

    def breaks(self, change: str, reader: str) -> Break:
        return Break(self.subject, self.path, change, reader)


def _in_topic(name: str, old: Document, new: Document | None) -> Iterator[Break]:
    if new is None:
        yield Break(name, "", "is gone", "its readers would wait for ever")
        return
    for property_name in ("key", "partitions"):
        if old[property_name] != new[property_name]:
            change = f"was {old[property_name]!r} and is {new[property_name]!r}"
            yield Break(
                name, property_name, change, "the order in which readers get events follows from it"
            )
    days_before, keeps = old["retention_days"], new["retention_days"]
    if days_before != keeps and (days_before is None or keeps is None or keeps < days_before):
        change = f"was {_days(days_before)} and is {_days(keeps)}"
        yield Break(name, "retention_days", change, "readers that were in time would come too late")
    for event_type in old["types"]:
        if event_type not in new["types"]:
            yield Break(name, event_type, "is no longer on it", "its readers would wait for ever")


def _days(retention: int | None) -> str:
    return "compacted" if retention is None else str(retention)


def _in_schema(field: _Field, old: Document, new: Document) -> Iterator[Break]:
    before, after = _by_type(old), _by_type(new)
    gone = [kind for kind in before if kind not in after]
    come = [kind for kind in after if kind not in before]
    if gone and come:
        yield field.breaks(f"was {' or '.join(gone)} and is {' or '.join(come)}", EITHER)
    elif gone:
        yield field.breaks(f"can no longer be {' or '.join(gone)}", NEW_READER)
    elif come:
        yield field.breaks(f"can now be {' or '.join(come)} too", OLD_READER)
    for kind in before:
        if kind in after:
            yield from _in_properties(field, before[kind], after[kind])
            yield from _in_elements(field, before[kind], after[kind])
            yield from _in_values(field, before[kind], after[kind])
            yield from _in_limits(field, before[kind], after[kind])


def _in_properties(field: _Field, old: Document, new: Document) -> Iterator[Break]:
    before, after = old.get("properties", {}), new.get("properties", {})
    needed, needs = old.get("required", ()), new.get("required", ())
    for name, schema in before.items():
        inner = field / name
        if name not in after:
            yield inner.breaks("is gone", "readers of the older release rely on it")
            continue
        if name in needs and name not in needed:
            yield inner.breaks("must now be there", NEW_READER)
        if name in needed and name not in needs:
            yield inner.breaks("need no longer be there", OLD_READER)
        still_allowed = name in needs or schema.get("default") == after[name].get("default")
        if "default" in schema and not still_allowed:
            change = f"had the default {schema['default']!r}"
            yield inner.breaks(change, "what was written without the field would change its sense")
        yield from _in_schema(inner, schema, after[name])
    for name in after:
        if name not in before and name in needs:
            yield (field / name).breaks("is new and has no default", NEW_READER)


def _in_elements(field: _Field, old: Document, new: Document) -> Iterator[Break]:
    for keyword, brackets in (("items", "[]"), ("additionalProperties", "{}")):
        before, after = old.get(keyword), new.get(keyword)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _in_schema(field.element(brackets), before, after)
        elif before != after:
            yield field.element(brackets).breaks(f"was {before} and is {after}", EITHER)


def _in_values(field: _Field, old: Document, new: Document) -> Iterator[Break]:
    growing = "x-extensible-enum"
    if (growing in old) != (growing in new):
        change = "was a list that may grow" if growing in old else "is now a list that may grow"
        yield field.breaks(change, "its readers rely on what was said")
        return
    before, after = (schema.get(growing, schema.get("enum")) for schema in (old, new))
    if before == after:
        return
    if before is None or after is None:
        change = f"had {_listed(before)} and has {_listed(after)}"
        yield field.breaks(change, NEW_READER if before is None else OLD_READER)
        return
    for value in before:
        if value not in after:
            yield field.breaks(f"can no longer be {value!r}", NEW_READER)
    for value in after:
        if value not in before and growing not in old:
            yield field.breaks(f"can now be {value!r} too", OLD_READER)


def _listed(values: list[str] | None) -> str:
    return "any value" if values is None else f"the values {', '.join(map(repr, values))}"


def _in_limits(field: _Field, old: Document, new: Document) -> Iterator[Break]:
    """Bounds, patterns and formats, and what this check does not know."""
    for keyword in sorted((old.keys() | new.keys()) - _SAYS_NOTHING - _LOOKED_INTO):
        before, after = old.get(keyword), new.get(keyword)
        if before != after:
            change = f"had {keyword} {before!r} and has {after!r}"
            yield field.breaks(change, _who_minds(keyword, before, after))


def _who_minds(keyword: str, before: float | None, after: float | None) -> str:
    if keyword not in _UPPER_BOUNDS | _LOWER_BOUNDS:
        return EITHER
    if before is None or after is None:
        return NEW_READER if before is None else OLD_READER
    narrowed = after < before if keyword in _UPPER_BOUNDS else after > before
    return NEW_READER if narrowed else OLD_READER


def _by_type(schema: Document) -> dict[str, Document]:
    """The alternatives of a schema by the name of their type; two of one type are numbered."""
    found: dict[str, Document] = {}
    for alternative in schema.get("anyOf", [{}]):
        option = {key: value for key, value in schema.items() if key != "anyOf"} | alternative
        kind = option.get("type", "constant" if "const" in option else "anything")
        while kind in found:
            kind += "'"
        found[kind] = option
    return found


def _inlined(document: Document) -> Document:
    """The schema with its references replaced by what they refer to, but for recursion."""
    parts = document.get("$defs", {})

    def inline(schema: Document, above: tuple[str, ...]) -> Document:
        if "$ref" in schema and schema["$ref"] not in above:
            reference = schema["$ref"]
            beside = {keyword: schema[keyword] for keyword in schema if keyword != "$ref"}
            referred = parts[reference.removeprefix("#/$defs/")]
            return inline(referred, (*above, reference)) | beside
        made = dict(schema)
        for keyword in ("items", "additionalProperties"):
            if isinstance(schema.get(keyword), dict):
                made[keyword] = inline(schema[keyword], above)
        if "anyOf" in schema:
            made["anyOf"] = [inline(option, above) for option in schema["anyOf"]]
        if "properties" in schema:
            made["properties"] = {
                name: inline(inner, above) for name, inner in schema["properties"].items()
            }
        return made

    return inline(document, ())
