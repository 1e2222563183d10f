"""Section ``data``: where the raw data comes from."""

from typing import Annotated, Literal

from pydantic import Field, PlainValidator

from ecom.params.section import Section, Seed, shown
from ecom.schema import NAMES, DataKind


def _source(value: object) -> str | list[str]:
    """Take an address, or several whose sessions follow one another."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return value
    raise ValueError(f"{shown(value)} is not allowed; expected an address, or a list of addresses")


Source = Annotated[str | list[str], PlainValidator(_source)]


class Synthetic(Section):
    """How many sessions are generated, and from which seed."""

    rows: Annotated[int, Field(ge=100, le=10_000_000)]
    seed: Seed


class Data(Section):
    """Where the raw data comes from, and which content it must have."""

    name = "data"

    source: DataKind
    sources: Annotated[list[Source], Field(min_length=1)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None
    timeout: Annotated[float, Field(gt=0, le=3600)]
    retries: Annotated[int, Field(ge=0, le=10)]
    rename: dict[str, Literal[NAMES]] | None  # type: ignore[valid-type]  # computed from the schema
    ignore_extra: bool
    synthetic: Synthetic
