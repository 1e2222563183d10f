"""Every client of remote storage has errors of its own."""

import subprocess
import sys

from botocore.exceptions import NoCredentialsError

from ecom.storage import cause_of, storage_errors


def test_the_errors_of_a_client_count_once_it_is_loaded() -> None:
    assert issubclass(NoCredentialsError, storage_errors())
    assert issubclass(PermissionError, storage_errors())
    assert not issubclass(KeyError, storage_errors())


def test_to_ask_loads_no_client() -> None:
    code = (
        "import sys; from ecom.storage import storage_errors; "
        "assert storage_errors() == (OSError,), sys.modules.keys()"
    )

    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_cause_is_what_the_storage_says_or_else_the_error_itself() -> None:
    assert cause_of(NoCredentialsError()) == "Unable to locate credentials"
    assert cause_of(PermissionError("Forbidden")) == "Forbidden"
    assert cause_of(FileNotFoundError(2, "No such file", "a.csv")) == "No such file: a.csv"
    assert cause_of(RuntimeError()) == "RuntimeError()"
