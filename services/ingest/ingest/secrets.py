"""The environment as the secrets of the bundle's sources are read from it."""

from collections.abc import Iterator, Mapping


class Secrets(Mapping[str, str]):
    """An environment without the variables that are no UTF-8: they count as not set.

    Python has half of a surrogate pair for each byte of such a variable, and encoding that raises
    an error wherever the secret is used.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def __getitem__(self, name: str) -> str:
        value = self._environment[name]
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise KeyError(name) from error
        return value

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._environment if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)
