"""Regular expressions that always end in linear time: RE2, whose syntax they follow."""

import unicodedata
from typing import Protocol

import re2  # type: ignore[import-untyped]  # google-re2 ships no types

MAX_LENGTH = 1_000


class PatternError(ValueError):
    """A pattern that RE2 does not read."""


class _Compiled(Protocol):
    def search(self, text: bytes) -> object: ...


class Pattern:
    """A compiled pattern. Found anywhere in a text, whatever the case; `(?-i)` minds it."""

    __slots__ = ("_compiled", "text")

    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            msg = f"a pattern must not be longer than {MAX_LENGTH} characters"
            raise PatternError(msg)
        options = re2.Options()
        options.case_sensitive = False
        options.log_errors = False
        options.never_capture = True
        try:
            self._compiled: _Compiled = re2.compile(unicodedata.normalize("NFC", text), options)
        except re2.error as error:
            why = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
            raise PatternError(str(why)) from error
        self.text = text

    def found_in(self, text: str) -> bool:
        """Whether the pattern matches somewhere in the text."""
        composed = text if text.isascii() else unicodedata.normalize("NFC", text)
        return self._compiled.search(composed.encode("utf-8", "replace")) is not None
