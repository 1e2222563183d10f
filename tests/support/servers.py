"""Real servers on loopback, for as long as a test needs them."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

SECONDS = 60.0  # that a server may take to answer


def free_port() -> int:
    """Return a port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until a server answers."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text(encoding="utf-8")
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310  loopback
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"{address} did not answer: {log.read_text(encoding='utf-8')}")


@contextmanager
def running(
    *command: str, ready: str, log: Path, **variables: str
) -> "Iterator[subprocess.Popen[bytes]]":
    """Run a server in a process group of its own until the block ends."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | variables,
            start_new_session=True,
        )
    try:
        wait_for(ready, process, log)
        yield process
    finally:
        kill(process)


def kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill a server and its workers."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, 9)
    process.wait()


@contextmanager
def postgresql() -> Iterator[str]:
    """Run PostgreSQL on a cluster of its own; yield the address of a database in it."""
    binaries = postgresql_binaries()
    with TemporaryDirectory() as name:
        folder = Path(name)
        as_postgres: list[str] = []
        if os.geteuid() == 0:  # the server refuses to run as root
            shutil.chown(folder, "postgres")
            as_postgres = ["runuser", "-u", "postgres", "--"]
        port, cluster = free_port(), folder / "cluster"

        def run(program: str, *arguments: str) -> None:
            command = [*as_postgres, str(binaries / program), "-D", str(cluster), *arguments]
            with (folder / "output").open("ab") as output:
                status = subprocess.run(
                    command, check=False, stdout=output, stderr=output, cwd=name
                )
            assert status.returncode == 0, (folder / "output").read_text(encoding="utf-8")

        run("initdb", "-A", "trust", "-U", "postgres", "--no-sync")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -F"
        run("pg_ctl", "-w", "-o", options, "-l", str(folder / "log"), "start")
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-m", "immediate", "stop")


def postgresql_binaries() -> Path:
    """Return the folder of PostgreSQL's server, newest version first; skip where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    on_path = shutil.which("initdb")
    if not found and not on_path:
        pytest.skip("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")
    return (found[0] if found else Path(str(on_path))).parent


@contextmanager
def mlflow_server(
    folder: Path,
    database: str,
    port: int | None = None,
    artifacts: str | None = None,
    **variables: str,
) -> "Iterator[tuple[str, subprocess.Popen[bytes]]]":
    """Run an MLflow server; yield its address and process. Artifacts are in its folder, or there."""
    port = port or free_port()
    address = f"http://127.0.0.1:{port}"
    folder.mkdir(exist_ok=True)
    with running(
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "1",
        "--backend-store-uri",
        database,
        "--artifacts-destination",
        artifacts or str(folder / "artifacts"),
        ready=f"{address}/health",
        log=folder / "server.log",
        MLFLOW_DISABLE_TELEMETRY="true",
        **variables,
    ) as process:
        yield address, process


@contextmanager
def sftp_server(folder: Path, port: int) -> Iterator[Path]:
    """Serve a folder over SSH; yield the private key that opens it."""
    import asyncssh

    folder.mkdir()
    for name in ("host", "client"):
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(folder.with_name(f"{name}_key"))
        key.write_public_key(folder.with_name(f"{name}_key.pub"))
        folder.with_name(f"{name}_key").chmod(0o600)
    code = (
        "import asyncio, asyncssh, sys\n"
        "folder, port, host, client = sys.argv[1:]\n"
        "async def main():\n"
        "    server = await asyncssh.listen('127.0.0.1', int(port), server_host_keys=[host],\n"
        "        authorized_client_keys=client, allow_scp=True,\n"
        "        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=folder.encode()))\n"
        "    await server.wait_closed()\n"
        "asyncio.run(main())\n"
    )
    with (folder.with_name("sftp.log")).open("wb") as output:
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                code,
                str(folder),
                str(port),
                str(folder.with_name("host_key")),
                str(folder.with_name("client_key.pub")),
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        end = time.monotonic() + SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                break
            except OSError:
                assert time.monotonic() < end
                time.sleep(0.2)
        yield folder.with_name("client_key")
    finally:
        kill(process)
