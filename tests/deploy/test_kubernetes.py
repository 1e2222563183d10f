"""What the manifests name is there: routes, commands, options, metrics, folders of the image."""

import json
import math
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main

from deployed import DEPLOY, OVERLAYS, containers, of_kind, pods, rendered
from ecom.__main__ import app
from ecom.drift.outcome import DRIFT
from ecom.models.pipelines import build_pipeline
from ecom.project.formats import parse_yaml
from ecom.serving.limits import LIMITS
from ecom.serving.server import LAST_LOOK
from ecom.serving.store import PATIENCE
from generated import features_and_labels, rows
from packaged import packaged, written
from service import Served, served

pytestmark = pytest.mark.slow

KEY = {"Authorization": "Bearer secret"}
# Of kube-state-metrics, by its own documentation: https://github.com/kubernetes/kube-state-metrics
KUBERNETES = {
    "kube_cronjob_status_last_successful_time",
    "kube_horizontalpodautoscaler_spec_max_replicas",
    "kube_horizontalpodautoscaler_status_current_replicas",
    "kube_job_failed",
    "kube_pod_container_status_restarts_total",
    "kube_pod_container_status_terminated_reason",
    "kube_pod_init_container_status_terminated_reason",
}


def command_line(container: Any) -> list[str]:
    """Return the words of a container's command, of the program alone if a shell runs it."""
    words = [*container.get("command", ()), *container.get("args", ())]
    if words[:2] == ["sh", "-c"]:
        words = shlex.split(words[2].partition(" || ")[0])
    return words


def in_tests(words: list[str]) -> list[str]:
    """Replace what the cluster knows by something that can be parsed."""
    return [re.sub(r"\$\((\w+)\)", r"/tmp/\1", word) for word in words]  # noqa: S108


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_command_of_ecom_is_one_that_the_command_line_takes(overlay: str) -> None:
    commands = typer.main.get_command(app)
    found = set()
    for name, container in containers(overlay):
        words = command_line(container)
        if words[:3] != ["python", "-m", "ecom"]:
            continue
        command = commands.commands[words[3]]  # type: ignore[attr-defined]
        context = command.make_context(words[3], in_tests(words[4:]))
        found.add(words[3])
        assert context.args == [], name

    assert found >= {"serve", "score", "drift", "retrain"}
    assert ("judge" in found) is (overlay == "production")


def test_a_misspelt_option_would_be_caught() -> None:
    commands = typer.main.get_command(app)

    with pytest.raises(Exception, match="No such option: --stor"):
        commands.commands["serve"].make_context("serve", ["--stor=x"])  # type: ignore[attr-defined]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_probes_ask_routes_that_answer_without_a_key(overlay: str, serving: Served) -> None:
    (service,) = of_kind(overlay, "Deployment")["ecom"]["spec"]["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in service["ports"]}
    probes = [service[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")]

    assert {probe["path"] for probe in probes} == {"/health/ready", "/health/live"}
    for probe in probes:
        assert serving.get(probe["path"]).status == 200
        assert f"--port={ports[probe['port']]}" in service["args"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_grace_is_long_enough_for_drain_last_answers_and_store(overlay: str) -> None:
    pod = of_kind(overlay, "Deployment")["ecom"]["spec"]["template"]["spec"]
    (drain,) = (
        float(word.partition("=")[2])
        for word in pod["containers"][0]["args"]
        if word.startswith("--drain=")
    )

    # `Store.close` waits for room in the queue, and then for the writer.
    longest = drain + LAST_LOOK + math.ceil(LIMITS.seconds) + 1 + 2 * PATIENCE
    assert longest < pod["terminationGracePeriodSeconds"] <= longest + 15


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_container_is_closed_limited_and_taken_by_digest(overlay: str) -> None:
    found = list(containers(overlay))
    assert len(found) >= 6
    for name, container in found:
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"], name
        assert not security["allowPrivilegeEscalation"], name
        assert security["capabilities"] == {"drop": ["ALL"]}, name
        assert {*container["resources"]["requests"]} == {"cpu", "memory"}, name
        assert {*container["resources"]["limits"]} == {"cpu", "memory"}, name
        assert re.fullmatch(r"\S+@sha256:[0-9a-f]{64}", container["image"]), name
    for name, pod in pods(overlay):
        security = pod["securityContext"]
        assert security["runAsNonRoot"], name
        assert security["runAsUser"] > 0, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["enableServiceLinks"] is False, name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_jobs_never_run_twice_at_a_time_end_and_are_forgotten(overlay: str) -> None:
    jobs = of_kind(overlay, "CronJob")

    assert {*jobs} == {"ecom-score", "ecom-drift", "ecom-retrain"}
    for job in jobs.values():
        spec = job["spec"]
        assert spec["concurrencyPolicy"] == "Forbid"
        assert spec["failedJobsHistoryLimit"] == 1
        assert 0 < spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] < 86_400
        # A daily alert must not outlast the run that follows.
        assert spec["jobTemplate"]["spec"]["ttlSecondsAfterFinished"] < 86_400


def test_the_job_tells_drift_from_what_cannot_be_told() -> None:
    """By the words that `drift` writes: the second container fails on one of them alone."""
    pod = dict(pods("staging"))["ecom-drift"]
    (drift,), (verdict,) = pod["initContainers"], pod["containers"]

    assert drift["args"][0].endswith("|| test $? -eq 1")
    assert f'verdict == "{DRIFT}"' in verdict["args"][0]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nothing_is_reached_but_by_a_policy_that_names_it(overlay: str) -> None:
    policies = of_kind(overlay, "NetworkPolicy")
    deny = policies.pop("ecom-deny")["spec"]

    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for name, policy in policies.items():
        rules = policy["spec"].get("ingress", []) + policy["spec"].get("egress", [])
        assert rules, name
        assert all(rule["ports"] for rule in rules), name
        assert policy["spec"]["podSelector"]["matchLabels"], name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_selectors_select_the_pods_of_the_service(overlay: str) -> None:
    labels = of_kind(overlay, "Deployment")["ecom"]["spec"]["template"]["metadata"]["labels"]
    selectors = [
        of_kind(overlay, "Service")["ecom"]["spec"]["selector"],
        of_kind(overlay, "PodDisruptionBudget")["ecom"]["spec"]["selector"]["matchLabels"],
        of_kind(overlay, "NetworkPolicy")["ecom-service"]["spec"]["podSelector"]["matchLabels"],
    ]
    for selector in selectors:
        assert selector.items() <= labels.items()
    monitored = of_kind(overlay, "ServiceMonitor")["ecom"]["spec"]
    service = of_kind(overlay, "Service")["ecom"]["metadata"]["labels"]
    assert monitored["selector"]["matchLabels"].items() <= service.items()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_key_that_prometheus_sends_opens_the_metrics(overlay: str, serving: Served) -> None:
    (endpoint,) = of_kind(overlay, "ServiceMonitor")["ecom"]["spec"]["endpoints"]
    (service,) = of_kind(overlay, "Deployment")["ecom"]["spec"]["template"]["spec"]["containers"]
    secrets = [each["secretRef"]["name"] for each in service["envFrom"]]

    assert endpoint["authorization"]["credentials"]["name"] in secrets
    assert endpoint["authorization"]["credentials"]["key"] == "ECOM_API_KEY"
    assert serving.get(endpoint["path"]).status == 401
    assert serving.get(endpoint["path"], **KEY).status == 200


def names_in(queries: str) -> set[str]:
    return set(re.findall(r"\b(?:ecom|kube)_\w+", queries))


def canary_queries() -> list[str]:
    return [
        metric["provider"]["prometheus"]["query"]
        for template in of_kind("production", "AnalysisTemplate").values()
        for metric in template["spec"]["metrics"]
        if "prometheus" in metric["provider"]
    ]


def expressions() -> str:
    """Return every query: of the alerts, of the autoscaler and of the canary."""
    adapter = parse_yaml((DEPLOY / "prometheus" / "adapter.yml").read_text("utf-8"))
    return "\n".join(
        [
            *(
                rule["expr"]
                for group in parse_yaml((DEPLOY / "prometheus" / "alerts.yml").read_text("utf-8"))[
                    "groups"
                ]
                for rule in group["rules"]
            ),
            *(rule["seriesQuery"] for rule in adapter["rules"]),
            *canary_queries(),
        ]
    )


def test_every_metric_that_is_asked_for_is_one_that_the_service_has(serving: Served) -> None:
    page = serving.get("/metrics", **KEY).body.decode()
    declared = {
        (name.removesuffix("_total"), kind)
        for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", page, re.MULTILINE)
    }
    samples = {f"{name}_total" for name, kind in declared if kind == "counter"}
    samples |= {f"{name}_bucket" for name, kind in declared if kind == "histogram"}
    samples |= {name for name, kind in declared if kind == "gauge"}

    asked = names_in(expressions())
    assert len(asked) > 10
    assert asked <= samples | KUBERNETES
    assert asked >= KUBERNETES


def test_every_query_can_be_read(tmp_path: Path) -> None:
    """Those of the autoscaler and of the canary are templates; the alerts have tests of their own."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    (rule,) = parse_yaml((DEPLOY / "prometheus" / "adapter.yml").read_text("utf-8"))["rules"]
    query = rule["metricsQuery"].replace("<<.Series>>", "ecom_requests_total")
    query = query.replace("<<.LabelMatchers>>", 'pod="a"').replace("<<.GroupBy>>", "pod")
    queries = [query, *canary_queries()]
    rules = [{"record": f"q{number}", "expr": each} for number, each in enumerate(queries)]
    file = tmp_path / "rules.json"  # which is YAML too
    file.write_text(json.dumps({"groups": [{"name": "read", "rules": rules}]}), encoding="utf-8")

    done = subprocess.run(
        ["promtool", "check", "rules", file], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 rules found" in done.stdout


def test_every_label_that_is_asked_for_has_such_values(serving: Served) -> None:
    serving.get("/metrics", **KEY)  # the next page counts this one
    page = serving.get("/metrics", **KEY).body.decode()

    for route in ("/predict", "/metrics"):
        assert f'ecom_requests_total{{route="{route}",status="' in page
    assert 'ecom_request_seconds_bucket{le="0.05",route="/predict"}' in page
    assert 'status="422"' in page


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_alerts_name_workloads_that_are_there(overlay: str) -> None:
    text = expressions()
    jobs = {*of_kind(overlay, "CronJob")}
    inside = {name.partition("/")[2] for name, _ in containers(overlay)}

    assert set(re.findall(r'cronjob="([\w-]+)"', text)) <= jobs
    assert {each.removesuffix("-") for each in re.findall(r'job_name=~"([\w-]+)', text)} <= jobs
    assert set(re.findall(r'container="([\w-]+)"', text)) <= inside
    assert set(re.findall(r'horizontalpodautoscaler="(\w+)"', text)) == {
        *of_kind(overlay, "HorizontalPodAutoscaler")
    }


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_autoscaler_asks_for_what_the_adapter_offers(overlay: str) -> None:
    (rule,) = parse_yaml((DEPLOY / "prometheus" / "adapter.yml").read_text("utf-8"))["rules"]
    metrics = of_kind(overlay, "HorizontalPodAutoscaler")["ecom"]["spec"]["metrics"]
    asked = [each["pods"]["metric"]["name"] for each in metrics if each["type"] == "Pods"]

    assert asked == [rule["name"]["as"]]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_operator_gets_the_rules_that_were_tested(overlay: str) -> None:
    tested = parse_yaml((DEPLOY / "prometheus" / "alerts.yml").read_text("utf-8"))

    assert of_kind(overlay, "PrometheusRule")["ecom"]["spec"] == tested, "run `make alerts`"


def test_the_canary_is_judged_before_it_answers_and_goes_by_weight() -> None:
    canary = of_kind("production", "Rollout")["ecom"]["spec"]["strategy"]["canary"]
    steps = [next(iter(step.items())) for step in canary["steps"]]
    weights = [value for name, value in steps if name == "setWeight"]
    templates = of_kind("production", "AnalysisTemplate")

    assert steps[0] == ("analysis", {"templates": [{"templateName": "ecom-judge"}]})
    assert weights == sorted(weights)
    assert 0 < weights[0] <= 5
    named = {each["templateName"] for each in canary["analysis"]["templates"]}
    assert {"ecom-judge", *named} == {*templates}
    assert {*of_kind("production", "Service")} == {canary["stableService"], canary["canaryService"]}
    assert canary["trafficRouting"]["nginx"]["stableIngress"] in of_kind("production", "Ingress")


def test_the_images_have_what_the_manifests_name() -> None:
    dockerfile = DEPLOY / "Dockerfile"
    if not dockerfile.exists():
        pytest.skip("there is no deploy/Dockerfile")
    text = dockerfile.read_text(encoding="utf-8")
    pipeline = text[text.index(" AS pipeline-environment") :]
    (service,) = of_kind("production", "Deployment")["ecom"]["spec"]["template"]["spec"][
        "containers"
    ]
    user = of_kind("production", "Deployment")["ecom"]["spec"]["template"]["spec"][
        "securityContext"
    ]

    assert "--package=/app/package" in service["args"]
    assert text.count("\nCOPY models/package /app/package\n") == 2
    assert text.count(f"\nUSER {user['runAsUser']}:{user['runAsGroup']}\n") == 2
    if "s3://" in str(of_kind("production", "ConfigMap")["ecom-addresses"]["data"]):
        assert "requirements-remotes.txt" in pipeline, "the jobs have no s3fs for their addresses"


def test_champion_and_challenger_are_the_packages_of_their_images() -> None:
    (pod,) = (pod for name, pod in pods("production") if name == "ecom-judge")
    copies = {each["name"]: each for each in pod["initContainers"]}
    (judge,) = pod["containers"]

    for name in ("champion", "challenger"):
        assert copies[name]["args"] == [f"/tmp/{name}"]  # noqa: S108
        assert '"/app/package"' in copies[name]["command"][2]
    assert judge["args"] == ["/tmp/champion", "/tmp/challenger", "$(LABELLED)"]  # noqa: S108


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_addresses_that_commands_name_are_set(overlay: str) -> None:
    addresses = of_kind(overlay, "ConfigMap")["ecom-addresses"]["data"]

    for name, container in containers(overlay):
        words = " ".join([*container.get("command", ()), *container.get("args", ())])
        named = set(re.findall(r"\$\((\w+)\)", words)) | set(re.findall(r'"\$(\w+)"', words))
        if named:
            assert {"configMapRef": {"name": "ecom-addresses"}} in container["envFrom"], name
            assert named <= addresses.keys(), name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_overlay_is_a_namespace_of_its_own_that_refuses_open_pods(overlay: str) -> None:
    ((name, namespace),) = of_kind(overlay, "Namespace").items()

    assert name == f"ecom-{overlay}"
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for each in rendered(overlay):
        if each["kind"] != "Namespace":
            assert each["metadata"]["namespace"] == name


def test_the_store_may_be_named_by_the_environment_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As the manifests do: `--store=postgresql://`, and PGHOST and its kin from a secret."""
    from sqlalchemy import make_url

    from ecom.serving.store import stored_sessions
    from servers import postgresql

    with postgresql() as address:
        url = make_url(address)
        monkeypatch.setenv("PGHOST", str(url.host))
        monkeypatch.setenv("PGPORT", str(url.port))
        monkeypatch.setenv("PGUSER", str(url.username))
        monkeypatch.setenv("PGDATABASE", str(url.database))
        model = build_pipeline("logistic", seed=0).fit(*features_and_labels())
        package = written(packaged(model, "logistic"), tmp_path / "package")
        with served(package, tmp_path / "log", "--store=postgresql://", "--log-scores") as running:
            assert running.post("/predict", rows(1)[0]).status == 200
            running.process.terminate()
            running.process.wait(timeout=20)

        (table,) = stored_sessions("postgresql://", ["PageValues"], None)
        assert len(table) == 1
