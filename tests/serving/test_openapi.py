"""The document names the columns as the package has them, and its examples are answered."""

from typing import Any

import pytest

from ecom.schema import FEATURES
from service import Served


@pytest.fixture(scope="module")
def document(service: Served) -> Any:
    return service.get("/openapi.json").json


def test_a_session_is_described_column_by_column(document: Any) -> None:
    session = document["components"]["schemas"]["Session"]

    assert session["required"] == list(FEATURES)
    assert session["properties"]["Region"] == {
        "description": "region, a code",
        "maximum": 1_000_000,
        "minimum": 1,
        "type": "integer",
    }
    assert "Nov" in session["properties"]["Month"]["examples"]
    assert (
        document["components"]["schemas"]["Sessions"]["properties"]["sessions"]["maxItems"] == 100
    )


def test_each_reference_leads_somewhere(document: Any) -> None:
    def references(part: Any) -> list[str]:
        if isinstance(part, dict):
            own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
            return own + [found for value in part.values() for found in references(value)]
        return (
            [found for value in part for found in references(value)]
            if isinstance(part, list)
            else []
        )

    found = set(references(document))
    assert len(found) > 5
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert found <= known


def test_every_example_is_answered(service: Served, document: Any) -> None:
    asked = 0
    for path, operations in document["paths"].items():
        content = operations.get("post", {}).get("requestBody", {}).get("content", {})
        body = content.get("application/json", {})
        for example in [*body.get("examples", {}).values(), {"value": body.get("example")}]:
            if example["value"] is not None:
                assert service.post(path, example["value"]).status == 200, path
                asked += 1
    assert asked == 2 * 5 + 1


def test_each_route_says_how_it_may_be_refused(document: Any) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert {"200", "500", "503"} <= operation["responses"].keys(), path
            if "requestBody" in operation:
                assert {"401", "408", "413", "415", "422"} <= operation["responses"].keys()
    assert document["paths"]["/admin/reload"]["post"]["security"] == [{"admin": []}]
    assert "security" not in document["paths"]["/predict"]["post"]
