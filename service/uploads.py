"""From a multipart body to files, checked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from service.errors import HttpProblem
from service.state import State

FIELD = "file"
_MAX_NAME = 255
_FIELDS = 16

MULTIPART_BODY = {
    "requestBody": {
        "required": True,
        "description": "One or many files, each as a part named `file`: a scan in any format that `quire index` reads.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "properties": {
                        FIELD: {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}}
                    },
                },
                "encoding": {FIELD: {"contentType": "image/*, application/pdf, application/octet-stream"}},
            }
        },
    }
}


async def get_files(request: Request, state: State) -> AsyncIterator[list[UploadFile]]:
    """The files of the body, in order, closed afterwards; those over 1 MB lie in temporary files, not in memory.

    Raises:
        HttpProblem: the body is no multipart form, holds no file, or too many.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "multipart/form-data":
        raise HttpProblem(
            "media-type", "Send the scan as multipart/form-data, for example with `curl -F file=@scan.jpg`."
        )
    most = state.settings.max_upload_files
    try:
        form = await request.form(max_files=most, max_fields=_FIELDS)
    except HttpProblem:
        raise
    except HTTPException as exc:
        if str(exc.detail).startswith("Too many files"):
            raise HttpProblem(
                "too-many-files", f"More than {most} files came at once. Send them in several requests."
            ) from exc
        raise HttpProblem("bad-multipart", f"The multipart body can't be read: {exc.detail}") from exc
    try:
        yield _pick_files(form)
    finally:
        await form.close()


def name_of(file: UploadFile, number: int) -> str:
    """What to call an uploaded file in the answer: its own name, safe to print, or its number."""
    name = "".join(letter for letter in file.filename or "" if letter.isprintable()).strip()
    return name[-_MAX_NAME:] or f"file {number}"


Files = Annotated[list[UploadFile], Depends(get_files)]


def _pick_files(form: FormData) -> list[UploadFile]:
    files = [part for name, part in form.multi_items() if name == FIELD and isinstance(part, UploadFile)]
    if not files:
        raise HttpProblem(
            "bad-multipart", "No file came. Send it as the part `file`, for example with `curl -F file=@scan.jpg`."
        )
    return files
