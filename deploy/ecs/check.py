"""Check requests to AWS by the models of their API, as botocore does before it sends one.

A file is the body of a request; its name says of which: ``ecs.RegisterTaskDefinition.json``.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
from botocore.validate import ParamValidator


def faults(path: Path) -> Iterator[str]:
    """Yield what the API would refuse: wrong types, missing and unknown names, unknown values."""
    service, operation, _ = path.name.split(".")
    model = botocore.session.get_session().get_service_model(service)
    shape = model.operation_model(operation).input_shape
    request = json.loads(path.read_text(encoding="utf-8"))
    report = ParamValidator().validate(request, shape)
    if report.has_errors():
        yield from report.generate_report().splitlines()
    else:
        yield from _unknown_values(request, shape, operation)


def _unknown_values(value: Any, shape: Any, place: str) -> Iterator[str]:
    """Yield texts that are none of those allowed, which botocore lets through."""
    if shape.type_name == "structure":
        for name, each in value.items():
            yield from _unknown_values(each, shape.members[name], f"{place}.{name}")
    elif shape.type_name == "list":
        for number, each in enumerate(value):
            yield from _unknown_values(each, shape.member, f"{place}[{number}]")
    elif shape.type_name == "string" and shape.enum and value not in shape.enum:
        yield f"{place}: {value!r} is none of {', '.join(shape.enum)}"


def main(paths: list[str]) -> int:
    """Print the faults of files; return whether there are any."""
    found = [f"{path}: {fault}" for path in paths for fault in faults(Path(path))]
    print(*(found or [f"{len(paths)} requests are as their API takes them"]), sep="\n")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
