"""Errors a user can act on: their message says what was expected, what came and what to do."""


class EcomError(Exception):
    """Base of the errors that are shown as a message, without a traceback."""

    exit_status = 1


class ParamsError(EcomError):
    """A value in params.yaml is unknown, of the wrong type or out of range."""


class DataError(EcomError):
    """The data is not what the schema says."""


class ProjectError(EcomError):
    """The project's own files are not where, or not what, a command needs."""


class NoSourceAnsweredError(EcomError):
    """No address in ``data.sources`` could be read at all, for instance without a network."""

    exit_status = 69  # EX_UNAVAILABLE of sysexits.h, so that `make run` can tell it from bad input


class TrackingError(EcomError):
    """The record in MLflow cannot be written or read: the pipeline's results are not touched."""
