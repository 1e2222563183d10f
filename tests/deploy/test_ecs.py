"""AWS ECS gets the service that the cluster gets, and a check of health that can fail."""

import json
import subprocess
import sys
from typing import Any

import pytest

from deployed import DEPLOY, of_kind
from service import Served

pytestmark = pytest.mark.slow


def request(name: str) -> Any:
    return json.loads((DEPLOY / "ecs" / f"{name}.json").read_text(encoding="utf-8"))


TASK = request("ecs.RegisterTaskDefinition")
(CONTAINER,) = TASK["containerDefinitions"]


def test_it_runs_what_the_cluster_runs_as_closed_and_by_digest() -> None:
    pod = of_kind("production", "Deployment")["ecom"]["spec"]["template"]["spec"]
    (service,) = pod["containers"]

    assert CONTAINER["entryPoint"] == service["command"]
    assert CONTAINER["command"] == service["args"]
    assert CONTAINER["image"] == service["image"]
    assert CONTAINER["readonlyRootFilesystem"]
    assert CONTAINER["linuxParameters"]["capabilities"] == {"drop": ["ALL"]}
    user = pod["securityContext"]
    assert CONTAINER["user"] == f"{user['runAsUser']}:{user['runAsGroup']}"
    assert CONTAINER["stopTimeout"] == pod["terminationGracePeriodSeconds"]


def test_the_requests_name_each_other() -> None:
    service, target = request("ecs.CreateService"), request("elbv2.CreateTargetGroup")
    alarm, scaled = (
        request("cloudwatch.PutMetricAlarm"),
        request("application-autoscaling.PutScalingPolicy"),
    )
    (balancer,) = service["loadBalancers"]
    (port,) = CONTAINER["portMappings"]

    assert service["taskDefinition"] == TASK["family"]
    assert balancer["containerName"] == CONTAINER["name"]
    assert balancer["containerPort"] == port["containerPort"] == target["Port"]
    assert service["deploymentConfiguration"]["alarms"]["alarmNames"] == [alarm["AlarmName"]]
    assert scaled["ResourceId"] == f"service/{service['cluster']}/{service['serviceName']}"


def test_the_check_of_health_passes_on_what_lives_and_fails_on_what_does_not(
    serving: Served,
) -> None:
    target = request("elbv2.CreateTargetGroup")
    kind, python, *words = CONTAINER["healthCheck"]["command"]
    assert (kind, python) == ("CMD", "python")

    def check(port: int) -> int:
        at_port = [word.replace(":8000/", f":{port}/") for word in words]
        assert at_port != words
        command = [sys.executable, *at_port]
        return subprocess.run(command, check=False, capture_output=True).returncode

    assert serving.get(target["HealthCheckPath"]).status == int(target["Matcher"]["HttpCode"])
    assert check(serving.port) == 0
    assert check(1) != 0
