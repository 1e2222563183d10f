"""What every section of params.yaml has in common: it is closed, typed, and says what is wrong."""

import difflib
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ecom.errors import ParamsError

Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
Share = Annotated[float, Field(ge=0, le=1)]
OpenShare = Annotated[float, Field(gt=0, lt=1)]

MAX_SHOWN: Final = 100  # characters of a value in a message


class Section(BaseModel):
    """A section of params.yaml: it has no unknown keys and converts no values.

    Attributes
    ----------
    name
        Of the section.
    keys
        Which of its keys a model is about; none stands for all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    name: ClassVar[str]
    keys: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def items(cls) -> tuple[str, ...]:
        """Return what dvc.yaml declares of it among a stage's params."""
        return tuple(f"{cls.name}.{key}" for key in cls.keys) or (cls.name,)


AnySection = TypeVar("AnySection", bound=Section)


def parse_section(content: object, section: type[AnySection]) -> AnySection:
    """Check one section of params.yaml.

    Parameters
    ----------
    content
        The content of params.yaml, as the YAML parser returns it.
    section
        Model of the section.

    Raises
    ------
    ParamsError
        With a line for every fault of the section: key, value and what is allowed.
    """
    parsed, faults = find_faults(content, section)
    if parsed is None:
        raise ParamsError.from_faults(faults)
    return parsed


def find_faults(content: object, section: type[AnySection]) -> tuple[AnySection | None, list[str]]:
    """Return a section of params.yaml, or None and a line for every fault in it."""
    if not isinstance(content, Mapping):
        return None, [f"the file holds {shown(content)}; expected sections such as {section.name}"]
    if section.name not in content:
        keys = ", ".join(section.model_fields)
        return None, [f"{section.name}: missing; expected a section with {keys}"]
    try:
        values = _with_text_keys(content[section.name])
    except RecursionError:
        return None, [f"{section.name}: an alias contains itself; expected values"]
    try:
        return section.model_validate(values), []
    except ValidationError as error:
        return None, [_describe(section, fault) for fault in error.errors()]


def first_repeated(names: Sequence[str]) -> str | None:
    """Return the first name that occurs twice, as a message can hold it; None if there is none."""
    return next((shown(name) for place, name in enumerate(names) if name in names[:place]), None)


def unknown_key(key: str, known: Iterable[str]) -> str:
    """Return a line on an unknown key: which keys are known, and which one was probably meant."""
    known = list(known)
    close = difflib.get_close_matches(key.rpartition(".")[2], known, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"{key}: unknown key; known are {', '.join(known)}{hint}"


def shown(value: object) -> str:
    """Return a value as a message can hold it."""
    try:
        text = reprlib.repr(value)
    except ValueError:  # Python refuses to print integers of more than 4,300 digits
        text = "a number of thousands of digits"
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."


def _with_text_keys(values: Any, seen: dict[int, Any] | None = None) -> Any:
    """Convert the keys of mappings to text, so that 3 is as unknown a key as '3'.

    `seen` holds converted mappings by identity, since aliases may repeat the same one many times.
    """
    seen = {} if seen is None else seen
    if isinstance(values, Mapping):
        if id(values) not in seen:
            seen[id(values)] = {
                str(key): _with_text_keys(value, seen) for key, value in values.items()
            }
        return seen[id(values)]
    return values


def _describe(section: type[Section], fault: Any) -> str:
    """Return one line on a fault that pydantic found: key, value, and what is allowed."""
    key = ".".join([section.name, *map(str, fault["loc"])])
    match fault["type"]:
        case "extra_forbidden":
            return unknown_key(key, _model_at(section, fault["loc"][:-1]).model_fields)
        case "missing":
            return f"{key}: missing; expected a value"
        case "value_error":
            return f"{key}: {fault['ctx']['error']}"
        case "model_type":
            keys = ", ".join(_model_at(section, fault["loc"]).model_fields)
            allowed = f"expected a section with {keys}"
        case _:
            allowed = fault["msg"][0].lower() + fault["msg"][1:]
    return f"{key}: {shown(fault['input'])} is not allowed; {allowed}"


def _model_at(section: type[Section], location: Iterable[str | int]) -> type[Section]:
    """Return the model of what stands at a location within a section."""
    annotation: Any = section
    for part in location:
        if isinstance(annotation, type) and issubclass(annotation, Section):
            annotation = annotation.model_fields[str(part)].annotation
        else:  # the values of a mapping
            annotation = get_args(annotation)[-1]
        while hasattr(annotation, "__metadata__"):  # Annotated
            annotation = get_args(annotation)[0]
    found: type[Section] = annotation
    return found
