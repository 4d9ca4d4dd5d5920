"""Every error a user can meet.

    AskseedsError
    ├── ConfigError          a setting, an argument or a configuration file is wrong
    ├── SeedsError           the seeds folder is missing, unreadable, or has no such document
    │   └── NoDocuments      it holds nothing that can be read
    ├── DocumentError        one file cannot be read; the rest of the work goes on
    ├── QuestionError        the question itself cannot be asked
    ├── ModelError           weights are missing, changed or of an unsafe format
    ├── ProseError           a language model cannot be reached, or does not answer
    └── IndexFault           the index cannot be used
        ├── IndexLocked      another process is writing to it
        ├── IndexMissing     there is none, and it was not to be built
        ├── IndexTooNew      a newer version of askseeds wrote it
        └── IndexUnwritable  read-only folder, full disk

A message names the file or setting that is wrong and says what to do next, on one line. Foreign
exceptions are wrapped where they occur, with `raise ... from`.
"""


class AskseedsError(Exception):
    """Base of all errors that are meant for the user; `str(error)` is the one line to show."""

    retryable = False
    """True when the same call may succeed later without any change by the user."""


class ConfigError(AskseedsError):
    """A setting, an argument or a configuration file is wrong."""


class SeedsError(AskseedsError):
    """The seeds folder is missing or unreadable, or holds no such document."""


class NoDocuments(SeedsError):
    """The seeds folder holds nothing that can be read."""


class DocumentError(AskseedsError):
    """One file cannot be read. The message is the reason alone; the caller knows the file."""


class QuestionError(AskseedsError):
    """The question cannot be asked: it is empty or far too long."""


class ModelError(AskseedsError):
    """A model's weights are missing, changed or of an unsafe format."""


class ProseError(AskseedsError):
    """A language model cannot be reached, or does not answer; the quotes are there without it."""

    retryable = True


class IndexFault(AskseedsError):
    """The index cannot be used."""


class IndexLocked(IndexFault):
    """Another process is writing to the index."""

    retryable = True


class IndexMissing(IndexFault):
    """There is no index, and it was not to be built."""


class IndexTooNew(IndexFault):
    """A newer version of askseeds wrote the index."""


class IndexUnwritable(IndexFault):
    """The index folder cannot be written to: read-only, or the disk is full."""
