"""What was reviewed is what is served: to the last digit, by every way in, whatever is asked."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import psutil
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from playwright.sync_api import Browser
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import np_to_triton_dtype

from ecom.models.averaging import log_odds
from ecom.schema import FEATURES
from load import Clients
from project import ROOT, Project
from servers import free_port, running
from service import Served, served

BLOCK = 1000
SOAK_SECONDS = 180
THOROUGH = settings().max_examples > 1000  # make prove
CASES = 500 if THOROUGH else 25  # of each way in and each kind: as documented, and not


@pytest.fixture(scope="module")
def serving(synthetic: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    log = tmp_path_factory.mktemp("serving") / "log"
    with served(synthetic.root / "models" / "package", log) as running:
        yield running


@pytest.fixture(scope="module")
def sessions(synthetic: Project) -> pd.DataFrame:
    """Return the test rows as raw sessions."""
    table = pd.read_parquet(synthetic.root / "data" / "features" / "test.parquet")
    return table[list(FEATURES)].astype({"Weekend": bool})


@pytest.fixture(scope="module")
def judged(synthetic: Project) -> Any:
    """Return the scores that `evaluate` judged."""
    return pd.read_parquet(synthetic.root / "data" / "predictions" / "test.parquet")["best_model"]


def test_one_by_one_and_in_a_batch_the_scores_are_those_that_were_judged(
    serving: Served, sessions: pd.DataFrame, judged: Any
) -> None:
    rows = sessions.to_dict("records")

    batches = [
        serving.post("/predict/batch", {"sessions": rows[start : start + BLOCK]}).json["answers"]
        for start in range(0, len(rows), BLOCK)
    ]
    batch = [answer for answers in batches for answer in answers]
    alone = [serving.post("/predict", row).json for row in rows]

    assert [answer["probability"] for answer in alone] == [a["probability"] for a in batch]
    assert [answer["flagged"] for answer in alone] == [answer["flagged"] for answer in batch]
    found = [answer["probability"] for answer in alone]
    np.testing.assert_allclose(found, judged, rtol=0, atol=1e-12)


def test_reasons_add_up_to_the_log_odds_of_the_model(
    synthetic: Project, serving: Served, sessions: pd.DataFrame, judged: Any
) -> None:
    found = [serving.post("/explain", row).json for row in sessions.to_dict("records")]

    model = joblib.load(synthetic.root / "models" / "best_model.joblib")
    expected = log_odds(model, sessions)
    sums = [each["base"] + sum(each["contributions"].values()) for each in found]
    np.testing.assert_allclose(sums, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose([each["log_odds"] for each in found], expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose([each["probability"] for each in found], judged, rtol=0, atol=1e-12)


def test_the_inference_protocol_gives_the_same_scores(
    serving: Served, sessions: pd.DataFrame, judged: Any
) -> None:
    tensors = []
    for name, values in sessions.items():
        column = values.to_numpy()[:BLOCK]
        tensor = InferInput(str(name), [len(column)], np_to_triton_dtype(column.dtype))
        tensor.set_data_from_numpy(column, binary_data=False)
        tensors.append(tensor)
    client = InferenceServerClient(serving.url.removeprefix("http://"))
    wanted = [InferRequestedOutput("probability", binary_data=False)]

    found = client.infer("purchase", tensors, outputs=wanted).as_numpy("probability")

    np.testing.assert_allclose(found, judged[:BLOCK], rtol=0, atol=1e-12)


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (390, True)])
def test_the_page_answers_as_somebody_types(
    browser: Browser, serving: Served, width: int, *, dark: bool
) -> None:
    page = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme="dark" if dark else "light"
    ).new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith((serving.url, "data:")) else faults.append(request.url)
        ),
    )
    page.goto(serving.url)
    page.wait_for_selector("#reasons li")

    assert page.locator("#reasons li").count() == 6
    assert page.locator("#rest li").count() == 11
    first = page.inner_text("#probability")
    page.focus("#column-PageValues")
    page.keyboard.press("Control+A")
    page.keyboard.type("60")
    changed = "before => document.getElementById('probability').textContent !== before"
    page.wait_for_function(changed, arg=first)
    page.wait_for_function("() => answer !== null")
    assert "Flagged" in page.inner_text("#decision")
    page.get_by_role("button", name="New Visitor").click()
    assert page.input_value("#column-VisitorType") == "New_Visitor"

    page.fill("#column-Region", "0")
    page.wait_for_selector(".wrong")
    assert page.get_attribute("#column-Region", "aria-invalid") == "true"
    assert page.inner_text("#decision") == "Correct Region."
    assert page.inner_text("#column-Region-about") == "must be a whole number from 1 to 1,000,000"
    page.fill("#column-Region", "1")
    page.wait_for_selector(".wrong", state="detached")

    own, price = page.inner_text("#at"), page.inner_text("#price")
    page.focus("#threshold")
    page.keyboard.press("End")
    assert page.inner_text("#at") == "1.000"
    assert "Not flagged" in page.inner_text("#decision")
    page.click("#chosen")
    assert page.inner_text("#at") == own
    assert page.inner_text("#price") == price
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert faults == []


def test_the_page_asks_for_the_key_of_the_service(
    browser: Browser, synthetic: Project, tmp_path: Path
) -> None:
    package = synthetic.root / "models" / "package"
    with served(package, tmp_path / "log", ECOM_API_KEY="user") as locked:
        page = browser.new_context().new_page()
        page.goto(locked.url)
        page.wait_for_selector("#access")
        assert page.is_hidden("#main")
        page.keyboard.type("guess")  # the field has the focus
        page.keyboard.press("Enter")
        page.wait_for_selector("#notice")
        assert page.inner_text("#notice") == "This key is not accepted."
        page.fill("#key", "user")
        page.keyboard.press("Enter")
        page.wait_for_selector("#reasons li")

        assert page.is_hidden("#access")
        assert page.is_hidden("#notice")


@pytest.mark.hostile
@pytest.mark.parametrize("mode", GenerationMode)
def test_whatever_is_asked_is_answered_as_documented(serving: Served, mode: GenerationMode) -> None:
    document = schemathesis.openapi.from_url(f"{serving.url}/openapi.json")
    answered = Counter[int]()

    for found in document.get_all_operations():
        operation = found.ok()  # type: ignore[union-attr]  # no operation of it is in vain
        if mode is GenerationMode.NEGATIVE and not operation.body:
            continue  # there is nothing that could be wrong

        @settings(
            max_examples=CASES,
            derandomize=not THOROUGH,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case: schemathesis.Case[Any]) -> None:
            # JSON Schema cannot say that the tensors must be the columns, each once.
            tensors = case.path.endswith("/infer")
            response = case.call_and_validate(
                excluded_checks=[positive_data_acceptance] if tensors else []
            )
            answered[response.status_code] += 1

        check()
    assert sum(answered.values()) >= 5 * CASES
    assert answered[200 if mode is GenerationMode.POSITIVE else 422] > 2 * CASES


def test_the_request_of_the_readme_is_answered(synthetic: Project, serving: Served) -> None:
    (command,) = re.findall("^curl .*$", (ROOT / "README.md").read_text(encoding="utf-8"), re.M)

    done = subprocess.run(
        ["bash", "-c", command.replace(":8000/", f":{serving.port}/")],
        cwd=synthetic.root,
        capture_output=True,
        check=True,
    )

    answer = json.loads(done.stdout)
    assert 0 < answer["probability"] < 1
    assert answer["flagged"] == (answer["probability"] >= answer["threshold"])


def test_without_options_it_serves_the_package_of_the_folder_or_of_generated_sessions(
    unchanged: Project, tmp_path: Path
) -> None:
    package = unchanged.root / "models" / "package"
    generated = unchanged.root / ".synthetic" / "models" / "package"
    for number in range(2):
        if number:
            shutil.copytree(package, generated)
            (package / "manifest.json").unlink()
        port = free_port()
        command = ("env", "-C", str(unchanged.root), sys.executable, "-m", "ecom", "serve")
        ready, log = f"http://127.0.0.1:{port}/health/ready", tmp_path / f"{number}.log"
        with running(*command, "--port", str(port), ready=ready, log=log):
            assert '"event": "ready"' in log.read_text(encoding="utf-8")
    shutil.rmtree(unchanged.root / ".synthetic")


@pytest.mark.prove
def test_under_load_and_attack_every_request_is_answered_and_memory_stays(
    synthetic: Project, sessions: pd.DataFrame, tmp_path: Path
) -> None:
    bodies = [json.dumps(row).encode() for row in sessions.to_dict("records")]
    package, log = synthetic.root / "models" / "package", tmp_path / "log"
    sizes = []
    with served(package, log, "--timeout", "3", "--drain", "2") as loaded:
        process, clients = psutil.Process(loaded.process.pid), Clients(loaded.port, bodies)
        with clients.at_work(asking=12, disturbing=4):
            for _ in range(SOAK_SECONDS // 10):
                time.sleep(10)
                sizes.append(round(process.memory_info().rss / 2**20))
            files = process.num_fds()
            loaded.process.send_signal(signal.SIGTERM)
        assert loaded.process.wait(timeout=30) in (0, -signal.SIGTERM)

    print(f"{dict(clients.came)}; MiB every 10 s: {sizes}; {files} open files")
    assert set(clients.came) == {"200", "disturbed"}
    assert min(clients.came.values()) > 1000
    half = len(sizes) // 2
    assert max(sizes[half:]) < 1.1 * max(sizes[:half])
    assert files < 400
    text = log.read_text(encoding="utf-8")
    assert "Traceback" not in text
    assert '"event": "fault"' not in text
