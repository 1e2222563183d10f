"""Alerts: each is shown firing and silent, and the runbook says what to do about it."""

import re
from typing import Any

import pytest

from deployed import DEPLOY
from ecom.project.formats import parse_yaml
from pages import text_of
from project import ROOT

ALERTS: dict[str, Any] = {
    rule["alert"]: rule
    for group in parse_yaml((DEPLOY / "prometheus" / "alerts.yml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
}
TESTS: list[Any] = parse_yaml((DEPLOY / "prometheus" / "alerts_test.yml").read_text("utf-8"))[
    "tests"
]
RUNBOOK = ROOT / "docs" / "runbook.md"


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_is_shown_firing_and_silent(alert: str) -> None:
    shown = {
        bool(case.get("exp_alerts"))
        for test in TESTS
        for case in test["alert_rule_test"]
        if case["alertname"] == alert
    }

    assert shown == {True, False}


def test_the_tests_name_no_alert_that_is_not_there() -> None:
    named = {case["alertname"] for test in TESTS for case in test["alert_rule_test"]}

    assert named == {*ALERTS}


@pytest.mark.parametrize("alert", ALERTS)
def test_the_runbook_says_what_an_alert_means_and_what_to_do(alert: str) -> None:
    page, _, anchor = ALERTS[alert]["annotations"]["runbook_url"].partition("#")
    sections = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##)", text_of(RUNBOOK), re.M | re.S))

    assert ROOT / page == RUNBOOK
    assert anchor == alert.lower()
    for part in ("Means", "Look first", "Do"):
        assert f"\n**{part}.** " in sections[alert], part


def test_the_runbook_names_no_alert_that_is_not_there() -> None:
    assert set(re.findall(r"^### (\w+)$", text_of(RUNBOOK), re.M)) == {*ALERTS}
    assert set(re.findall(r"\bEcom[A-Z]\w+", text_of(RUNBOOK))) <= {*ALERTS}


def test_each_failure_mode_names_a_test() -> None:
    table = text_of(RUNBOOK).partition("## Failure modes\n")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]

    assert len(rows) > 15
    assert all("](../tests/" in row.split("|")[3] for row in rows)
