"""Everything that can go wrong, as one tree.

    QuireError
    ├── UsageError                the request itself is wrong: a filter, a number, a name
    │   ├── FilterError           a filter that cannot be read
    │   └── UnknownModelError     a model name that no embedder answers to
    ├── NotFoundError             something asked for is not there
    │   ├── LibraryMissingError   no library at the place given
    │   ├── PageMissingError      no such page
    │   ├── ClusterMissingError   no such cluster, or nothing clustered yet
    │   ├── MapMissingError       no map has been made
    │   ├── LearnedMissingError   nothing of that name was learned from labels
    │   ├── RootMissingError      a folder of scans that is not there
    │   └── JobMissingError       no such job
    ├── PictureError              a file that is no page we can read
    │   └── PictureTooLargeError  more pixels or bytes than the limit
    ├── ModelError                an embedder that cannot be had or does not fit
    │   ├── WeightsMissingError   weights that are neither here nor fetchable
    │   ├── ModelMismatchError    vectors of two models would be mixed
    │   └── NoTextTowerError      a model that knows no words was asked about some
    ├── ReaderMissingError        no engine is installed that reads text
    ├── DecoderError              no process can be had to decode scans in
    ├── WorkersError              the cluster that was to read and embed pages did not
    ├── StoreError                Qdrant refused, failed or cannot be reached
    │   ├── StoreUnreachableError no answer from the server
    │   └── CollectionMissingError a collection that is not there
    ├── LibraryBusyError          another process holds the library
    ├── LibraryDamagedError       files of the library are missing or unreadable
    ├── ServiceError              the running service did not do what it was asked
    └── ConflictError             the wish contradicts what the library holds

Every class has a stable `code`; every message names the thing, the cause and the next step. `docs/errors.md` lists them all.
The core knows neither exit statuses nor HTTP: `indexer/cli/exits.py` and `service/errors.py` translate.
"""

from __future__ import annotations

import errno
import os

_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.EIO})


class QuireError(Exception):
    """Base of all errors that Quire raises on purpose; its text is fit for a person to read."""

    code = "error"


class UsageError(QuireError):
    """The request itself is wrong."""

    code = "usage"


class FilterError(UsageError):
    """A filter that cannot be read."""

    code = "filter"


class UnknownModelError(UsageError):
    """A model name that no embedder answers to."""

    code = "unknown-model"


class NotFoundError(QuireError):
    """Something asked for is not there."""

    code = "not-found"


class LibraryMissingError(NotFoundError):
    """No library at the place given."""

    code = "library-missing"


class PageMissingError(NotFoundError):
    """No such page in the library."""

    code = "page-missing"


class ClusterMissingError(NotFoundError):
    """No such cluster, or nothing has been clustered yet."""

    code = "cluster-missing"


class MapMissingError(NotFoundError):
    """No map has been made of the library."""

    code = "map-missing"


class LearnedMissingError(NotFoundError):
    """Nothing of that name was learned from labels, or nothing at all."""

    code = "learned-missing"


class RootMissingError(NotFoundError):
    """A folder of scans that is not there."""

    code = "root-missing"


class JobMissingError(NotFoundError):
    """No such job."""

    code = "job-missing"


class PictureError(QuireError):
    """A file that is no page we can read; `skip_code` says in one word why, for a `Skip`."""

    code = "picture"

    def __init__(self, message: str = "", *, skip_code: str = "unreadable") -> None:
        super().__init__(message)
        self.skip_code = skip_code


class PictureTooLargeError(PictureError):
    """A picture with more pixels or bytes than the limit."""

    code = "picture-too-large"


class ModelError(QuireError):
    """An embedder that cannot be had or does not fit."""

    code = "model"


class WeightsMissingError(ModelError):
    """Weights that are neither on this machine nor fetchable."""

    code = "weights-missing"


class ModelMismatchError(ModelError):
    """Vectors of two models, or of two preprocessings, would be mixed."""

    code = "model-mismatch"


class NoTextTowerError(ModelError):
    """The library's model knows no words, so pages can't be found by a description."""

    code = "no-text-tower"


class ReaderMissingError(QuireError):
    """No engine is installed that reads the text on pages, or it can't be loaded."""

    code = "reader-missing"


class DecoderError(QuireError):
    """No process can be had to decode scans in."""

    code = "decoder"


class WorkersError(QuireError):
    """The cluster that was to read and embed pages did not."""

    code = "workers"


class StoreError(QuireError):
    """Qdrant refused or failed."""

    code = "store"


class StoreUnreachableError(StoreError):
    """The Qdrant server does not answer."""

    code = "store-unreachable"


class CollectionMissingError(StoreError):
    """A collection that is not there."""

    code = "collection-missing"


class LibraryBusyError(QuireError):
    """Another process holds the library."""

    code = "library-busy"


class LibraryDamagedError(QuireError):
    """Files of the library are missing or unreadable."""

    code = "library-damaged"


class ServiceError(QuireError):
    """The running service did not do what it was asked."""

    code = "service"


class ConflictError(QuireError):
    """The wish contradicts what the library holds."""

    code = "conflict"


def tell_disk_trouble(exc: OSError) -> StoreError | None:
    """What the disk refused, for a person; None where the error is about something else. For the outer borders, where any file may have
    been the one that found the disk full."""
    if exc.errno not in _DISK:
        return None
    place = os.fsdecode(exc.filename) if isinstance(exc.filename, str | bytes) else "A file"
    return StoreError(
        f"{place} can't be written or read: {exc.strerror}. What was there is as it was; free disk space or check permissions."
    )
