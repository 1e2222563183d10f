"""Errors that a user can act on: the message says what was expected, what came and what to do."""

from collections.abc import Sequence
from typing import Self


class EcomError(Exception):
    """Base of the errors that are shown as a message, without a traceback."""

    exit_status = 1


class ParamsError(EcomError):
    """A value in params.yaml is unknown, of the wrong type or out of range."""

    @classmethod
    def from_faults(cls, faults: Sequence[str]) -> Self:
        """Return an error that lists every fault on a line of its own."""
        return cls("params.yaml has\n" + "\n".join(f"  - {fault}" for fault in faults))


class DataError(EcomError):
    """The data is not what the schema says."""


class ExportError(EcomError):
    """A fitted model cannot be written as a graph, or the graph answers otherwise."""


class PackageError(EcomError):
    """A package of a model is not what it was when it was made."""


class ServiceError(EcomError):
    """The service cannot be started as asked."""


class ClusterError(EcomError):
    """A cluster cannot be reached, was lost, or may compute other results."""


class ProjectError(EcomError):
    """A file of the project is missing, or does not hold what a command needs."""


class NoSourceAnsweredError(EcomError):
    """No address in ``data.sources`` could be read at all, for example without a network."""

    exit_status = 69  # EX_UNAVAILABLE of sysexits.h, so that `make run` can tell it from bad input


class TrackingError(EcomError):
    """The record in MLflow cannot be written or read; the pipeline's results are not affected."""


def describe(error: OSError) -> str:
    """Return what the system says of a failed operation, with the file it was about, if any."""
    cause = error.strerror or str(error)
    return f"{cause}: {error.filename}" if error.filename else cause
