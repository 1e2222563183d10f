"""Reading the project's YAML and metrics/*.json: one parser each, for stages and for commands."""

import json
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ecom.errors import EcomError


def parse_yaml(text: str | bytes) -> Any:
    """Parse YAML as DVC does: by YAML 1.2, in which 1e-5 is a number.

    Raises
    ------
    ValueError
        The text is not valid YAML.
    """
    try:
        return YAML(typ="safe").load(text)
    except (YAMLError, ValueError, RecursionError) as error:  # such as 2026-11-31, no date
        raise ValueError(f"not valid YAML: {error}") from None


def parse_metrics(text: str | bytes, path: str, error: type[EcomError]) -> Any:
    """Parse a file of metrics: a mapping, or a list that holds one.

    Stages write the list. DVC shows no lists, so that ``dvc metrics diff`` shows the summary alone.

    Parameters
    ----------
    text
        Content of the file.
    path
        Its path, for messages.
    error
        What to raise, later, when a figure is asked for that the file does not have.

    Raises
    ------
    ValueError
        The content is not JSON with one mapping of finite figures.
    """

    class Metrics(dict[str, Any]):
        """A mapping that says what to do if a figure is missing."""

        def __missing__(self, name: str) -> Any:
            raise error(
                f"{path} has no {name!r}: a different version of the code wrote it. Run the "
                "stage again"
            )

    content = json.loads(text, object_hook=Metrics, parse_constant=_refuse)
    match content:
        case dict() | [dict()]:
            return content if isinstance(content, dict) else content[0]
        case _:
            raise ValueError(f"expected a mapping, got {content!r}")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a finite figure")
