"""What may go wrong with files, wherever they are: clients of remote storage have own errors."""

import sys
from typing import Final

from ecom.errors import ProjectError, describe

# What clients of remote storage raise, besides errors of the system: no base class unites them.
CLIENT_ERRORS: Final = (
    ("aiohttp", "ClientError"),
    ("asyncssh", "Error"),
    ("boto3.exceptions", "Boto3Error"),
    ("botocore.exceptions", "BotoCoreError"),
    ("botocore.exceptions", "ClientError"),
)


class RemoteError(ProjectError):
    """A remote of DVC refuses a file, or does not answer: it may well hold the file."""


def storage_errors() -> tuple[type[Exception], ...]:
    """Return what reading and writing of files anywhere may raise.

    A client's errors count once something has loaded the client; before, it can raise none.
    """
    loaded = [
        getattr(sys.modules[module], name)
        for module, name in CLIENT_ERRORS
        if module in sys.modules
    ]
    return (OSError, *loaded)


def cause_of(error: Exception) -> str:
    """Return what a storage says of a failed operation."""
    return describe(error) if isinstance(error, OSError) else str(error) or repr(error)
