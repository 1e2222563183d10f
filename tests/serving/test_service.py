"""A package takes the place of another only after its self-test, and never in the middle."""

import asyncio
import json
from pathlib import Path

import pytest

from ecom.errors import PackageError
from ecom.serving.limits import LIMITS
from ecom.serving.manifest import Manifest
from ecom.serving.service import Service
from ecom.serving.sessions import BadInput, Batch, Reader
from generated import rows
from service import finished

ROWS = rows(20)
BODY = json.dumps(ROWS[0]).encode()


def with_threshold(folder: Path, threshold: float) -> None:
    """Write another package: the same model with a threshold of its own."""
    path = folder / "manifest.json"
    manifest = Manifest.parse(path.read_bytes())
    changed = manifest.model_copy(update={"threshold": threshold})
    path.write_text(changed.to_json(), encoding="utf-8")


def safe_threshold(folder: Path) -> float:
    """Return a threshold that moves no golden session to the other side."""
    golden = json.loads((folder / "golden.json").read_bytes())
    below = max(case["probability"] for case in golden if not case["flagged"])
    above = min(case["probability"] for case in golden if case["flagged"])
    return float(below + above) / 2


def test_a_new_package_answers_from_its_reload_on(folder: Path) -> None:
    service = Service(folder, LIMITS)
    before = service.predict(BODY, "1")
    new = safe_threshold(folder)
    with_threshold(folder, new)

    assert service.predict(BODY, "2").threshold == 0.15
    version = finished(service.reload())

    after = service.predict(BODY, "3")
    assert after.threshold == new != before.threshold
    assert after.model == version == service.version != before.model
    assert after.probability == before.probability


@pytest.mark.parametrize("fault", ["stale threshold", "cut", "missing", "flipped bit"])
def test_a_package_that_fails_its_self_test_does_not_replace_the_one_before(
    folder: Path, fault: str
) -> None:
    service = Service(folder, LIMITS)
    before = service.predict(BODY, "1")
    graph = folder / "model.onnx"
    content = bytearray(graph.read_bytes())
    if fault == "stale threshold":
        with_threshold(folder, 0.9)
    elif fault == "cut":
        graph.write_bytes(content[:-1])
    elif fault == "missing":
        graph.unlink()
    else:
        content[len(content) // 2] ^= 1
        graph.write_bytes(content)

    with pytest.raises(PackageError):
        finished(service.reload())

    after = service.predict(BODY, "1")
    assert (after.model, after.probability) == (before.model, before.probability)
    assert b'ecom_reloads_total{outcome="refused"} 1.0' in service.monitoring.page()


def test_a_batch_is_answered_by_the_package_that_read_it(folder: Path) -> None:
    service = Service(folder, LIMITS)
    old = service.version
    with_threshold(folder, safe_threshold(folder))

    async def both() -> str:
        started, go_on = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def read(reader: Reader) -> Batch:
            loop.call_soon_threadsafe(started.set)
            asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(timeout=10)
            return reader.checked(ROWS)

        batch = asyncio.create_task(service.answer_batch(read, "1"))
        await started.wait()
        await service.reload()
        go_on.set()
        return (await batch).loaded.package.version

    assert finished(both()) == old != service.version


def test_bad_sessions_are_counted_and_good_ones_answered(folder: Path) -> None:
    service = Service(folder, LIMITS)
    body = json.dumps({"sessions": [*ROWS[:2], {}]}).encode()

    found = finished(service.predict_many(body, "1"))

    assert [answer is None for answer in found.answers] == [False, False, True]
    assert b"ecom_sessions_refused_total 1.0" in service.monitoring.page()
    with pytest.raises(BadInput):
        service.predict(b"{}", "1")
