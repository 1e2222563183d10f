"""The process starts with a sound package alone, waits for nobody, and answers what it took."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from ecom.serving.manifest import FORMAT, Manifest
from generated import rows
from service import Served, served

ROW = rows(1)[0]
BODY = json.dumps(ROW).encode()
HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
REQUEST = HEAD + str(len(BODY)).encode() + b"\r\n\r\n" + BODY


def flip(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)


def change(folder: Path, **values: Any) -> None:
    path = folder / "manifest.json"
    changed = Manifest.parse(path.read_bytes()).model_copy(update=values)
    path.write_text(changed.to_json(), encoding="utf-8")


def swap(folder: Path) -> None:
    graph, explanation = folder / "model.onnx", folder / "explain.onnx"
    content = graph.read_bytes()
    graph.write_bytes(explanation.read_bytes())
    explanation.write_bytes(content)


FAULTS: dict[str, tuple[Any, str]] = {
    **{
        f"a flipped bit in {name}": (lambda folder, name=name: flip(folder, name), name)
        for name in (
            *("model.onnx", "explain.onnx", "golden.json", "model_card.md", "thresholds.csv"),
            *("profile.json", "trained_on.bin"),
        )
    },
    "a flipped bit in the manifest": (
        lambda folder: flip(folder, "manifest.json"),
        "manifest.json",
    ),
    "a stale threshold": (lambda folder: change(folder, threshold=0.9), "golden.json: session"),
    "a newer format": (lambda folder: change(folder, format=FORMAT + 1), "expected at most"),
    "swapped graphs": (swap, ".onnx has"),
    "no manifest": (lambda folder: (folder / "manifest.json").unlink(), "cannot be read"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_it_does_not_start_with_a_package_that_is_not_sound(folder: Path, fault: str) -> None:
    plant, said = FAULTS[fault]
    plant(folder)

    done = subprocess.run(
        [sys.executable, "-m", "ecom", "serve", "--port", "0", "--package", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("ecom: ")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_an_address_that_is_taken_is_named(service: Served, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ecom", "serve", "--port", str(service.port), "--package", folder],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert (
        f"ecom: cannot listen on 127.0.0.1:{service.port} (Address already in use)" in done.stderr
    )


def test_it_needs_no_project_around_it_and_little_memory(service: Served) -> None:
    process = psutil.Process(service.process.pid)
    compiled = [
        Path(mapped.path).parts
        for mapped in process.memory_maps()
        if "site-packages" in mapped.path
    ]
    packages = {parts[parts.index("site-packages") + 1] for parts in compiled}

    assert process.memory_info().rss < 150 * 2**20
    assert {"numpy", "onnxruntime", "msgspec"} <= packages
    assert packages.isdisjoint({"sklearn", "scipy", "pandas", "pyarrow", "matplotlib", "onnx"})


def test_a_signal_and_a_request_replace_the_package(folder: Path, tmp_path: Path) -> None:
    with served(folder, tmp_path / "log", ECOM_ADMIN_KEY="boss") as running:
        old = running.get("/model").json["version"]
        change(folder, description="another")
        running.process.send_signal(signal.SIGHUP)
        new = running.event(event="package loaded", before=old)["model"]
        assert running.get("/model").json["version"] == new

        flip(folder, "model.onnx")
        running.process.send_signal(signal.SIGHUP)
        assert "model.onnx was changed" in running.event(event="package refused")["reason"]
        refused = running.post("/admin/reload", None, Authorization="Bearer boss")
        assert refused.status == 409
        assert "the package before goes on: model.onnx was changed" in refused.json["detail"]
        assert running.post("/predict", ROW).json["model"] == new

        flip(folder, "model.onnx")
        change(folder, description="a third")
        reply = running.post("/admin/reload", None, Authorization="Bearer boss")
        assert reply.json["version"] == running.get("/model").json["version"] not in (old, new)


@contextmanager
def connected(service: Served) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as client:
        yield client


@pytest.mark.parametrize("sent", [b"", b"POST /pre", HEAD])
def test_who_sends_no_whole_request_is_hung_up_on(service: Served, sent: bytes) -> None:
    with connected(service) as client:
        client.sendall(sent)
        with suppress(ConnectionResetError):  # that is how it hangs up
            assert client.recv(1000) == b""


def test_who_does_not_read_the_answers_is_hung_up_on(folder: Path, tmp_path: Path) -> None:
    with served(folder, tmp_path / "log", "--timeout", "1") as running, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(20)
        client.connect(("127.0.0.1", running.port))
        process = psutil.Process(running.process.pid)

        def is_open() -> bool:
            return any(
                connection.status == psutil.CONN_ESTABLISHED
                for connection in process.net_connections()
            )

        with suppress(OSError):
            for _ in range(300):
                client.sendall(b"GET /page.js HTTP/1.1\r\nHost: x\r\n\r\n")
                time.sleep(0.005)
        end = time.monotonic() + 15
        while is_open() and time.monotonic() < end:
            time.sleep(0.1)
        assert not is_open()
        assert running.get("/health/live").status == 200


def test_a_head_without_end_is_refused(service: Served) -> None:
    with connected(service) as client:
        try:
            client.sendall(b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200_000)
            refused = client.recv(1000).startswith(b"HTTP/1.1 400 ")
        except (ConnectionResetError, BrokenPipeError):
            refused = True  # it hung up before all of it was sent
    assert refused
    assert service.get("/health/live").status == 200


def test_a_request_behind_another_is_told_when_its_body_does_not_come(service: Served) -> None:
    with connected(service) as client:
        client.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n" + HEAD + b"100\r\n\r\n{")
        answers = b"".join(iter(lambda: client.recv(10_000), b""))

    assert answers.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in answers


def test_garbage_is_answered_and_hung_up_on(service: Served) -> None:
    with connected(service) as client:
        client.sendall(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 400 ")
    assert service.get("/health/live").status == 200


def test_beyond_the_limit_connections_are_closed(folder: Path, tmp_path: Path) -> None:
    with served(folder, tmp_path / "log", "--max-connections", "3") as running:
        open_ones = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(3)]
        with connected(running) as fourth, suppress(ConnectionResetError):
            assert fourth.recv(10) == b""
        for each in open_ones:
            each.close()


def test_what_was_taken_before_sigterm_is_answered(folder: Path, tmp_path: Path) -> None:
    with served(folder, tmp_path / "log", "--drain", "1") as running:
        with connected(running) as idle, connected(running) as busy, connected(running) as slow:
            slow.sendall(REQUEST[:-1])
            busy.sendall(REQUEST)
            assert busy.recv(10_000).startswith(b"HTTP/1.1 200 ")

            running.process.send_signal(signal.SIGTERM)
            running.event(event="draining")
            assert running.get("/health/ready").status == 503
            assert running.get("/health/live").status == 200
            idle.sendall(REQUEST)
            last = idle.recv(10_000)
            assert last.startswith(b"HTTP/1.1 200 ")
            assert b"connection: close" in last
            stopping = threading.Timer(1.2, slow.sendall, [REQUEST[-1:]])  # after the last moment
            stopping.start()
            assert slow.recv(10_000).startswith(b"HTTP/1.1 200 ")
        assert running.process.wait(timeout=20) in (0, -signal.SIGTERM)
    assert "Traceback" not in running.log.read_text(encoding="utf-8")
