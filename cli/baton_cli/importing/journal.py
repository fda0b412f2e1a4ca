"""How far an import has come, kept beside its file so that a run that was ended goes on."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from baton_cli.failures import Failure
from baton_cli.importing.lines import Place


class Progress(BaseModel):
    """Up to `place` every row was answered.

    `of` says what was being done with the file: another mapping, source or ingest is another
    import. `quarantined` counts those of the accepted rows that are in quarantine. `rejects` is the
    size of the file of rejects, in bytes.
    """

    model_config = ConfigDict(frozen=True, validate_by_name=True, serialize_by_alias=True)

    of: str
    place: Place
    accepted: int = Field(alias="taken")
    quarantined: int = Field(0, alias="held")
    refused: int
    rejects: int


class Journal:
    """The file that holds the progress of an import."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Progress | None:
        """None where there is none, or nothing that can be read."""
        try:
            return Progress.model_validate_json(self.path.read_bytes())
        except (OSError, ValidationError):
            return None

    def write(self, progress: Progress) -> None:
        """Whole or not at all, whenever the process is killed. Raises Failure."""
        beside = self.path.with_name(f"{self.path.name}.new")
        try:
            beside.write_text(progress.model_dump_json(), "utf-8")
            beside.replace(self.path)
        except OSError as error:
            raise cant_write(self.path, error) from error

    def remove(self) -> None:
        """The import is complete."""
        self.path.unlink(missing_ok=True)


def cant_write(path: Path, error: OSError) -> Failure:
    """The failure for a file of the import that cannot be written."""
    return Failure(
        f"{path} can't be written: {error.strerror}",
        "--keep-in DIR puts it elsewhere.",
    )
