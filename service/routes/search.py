"""`POST /v1/similar` and `POST /v1/classify`: an upload goes decode, shared forward pass, search; only the middle is gathered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal, TypeVar

from fastapi import APIRouter, Query, Response
from pydantic import TypeAdapter
from starlette.datastructures import UploadFile

from indexer.errors import ModelError, UsageError
from indexer.library import ReadPage, ReadUploads, Upload
from indexer.library.learning_results import LabelAnswer
from indexer.library.results import ClassifyAnswer, SimilarAnswers
from indexer.values import Matrix
from service.openapi import problems
from service.routes.parameters import Colour, Limit, Where
from service.schemas import LabelField, ModelName
from service.state import ServiceState, State
from service.uploads import MULTIPART_BODY, Files, name_of

T = TypeVar("T")

_SIMILAR, _CLASSIFY, _LABELS = TypeAdapter(SimilarAnswers), TypeAdapter(ClassifyAnswer), TypeAdapter(LabelAnswer)

router = APIRouter(prefix="/v1", tags=["search"])


@router.post(
    "/similar",
    operation_id="find_similar",
    openapi_extra=MULTIPART_BODY,
    response_model=SimilarAnswers,
    responses=problems(400, 404, 409, 413, 415),
)
async def find_similar(state: State, files: Files, where: Where, limit: Limit = 12, colour: Colour = 0.0) -> Response:
    """The pages most alike to each page of the uploaded files, most alike first.

    Files that can't be read are listed in `unreadable` with the reason; the others are answered all the same.
    """

    def answer(pages: list[ReadPage], vectors: Matrix) -> SimilarAnswers:
        return SimilarAnswers(state.library.similar_to_vectors(pages, vectors, where=where, limit=limit, colour=colour))

    read, found = await _embed_and(state, files, answer)
    return _tell(state, _SIMILAR, SimilarAnswers(found.pages if found else [], read.unreadable))


@router.post(
    "/classify",
    operation_id="classify",
    openapi_extra=MULTIPART_BODY,
    response_model=ClassifyAnswer | LabelAnswer,
    responses=problems(400, 404, 409, 413, 415),
)
async def classify(
    state: State,
    files: Files,
    by: Annotated[
        Literal["cluster", "label"], Query(description="The cluster and group of a page, or the label it probably has.")
    ] = "cluster",
    method: Annotated[
        ModelName | None,
        Query(
            alias="with",
            description="With `by=label`: a learned model, `centroid` or `neighbours`; none: the newest model.",
        ),
    ] = None,
    label: Annotated[LabelField | None, Query(description="With `by=label`: the field whose labels are told.")] = None,
    unknown_share: Annotated[
        float | None,
        Query(
            ge=0,
            lt=1,
            description="A page less alike than all but this share of a cluster's or label's own pages is unknown.",
        ),
    ] = None,
) -> Response:
    """The cluster and group of each page of the uploaded files, or its label; or that it is unknown.

    By clusters, `guess` is the probable label too, where something learned takes the library's own vectors. Files that can't be read are
    listed in `unreadable` with the reason; the others are answered all the same.
    """
    if by == "label":
        return _tell(state, _LABELS, await _classify_by_label(state, files, method, label, unknown_share))
    if method is not None or label is not None:
        raise UsageError("`with` and `label` say how labels are told: ask with by=label.")

    def answer(pages: list[ReadPage], vectors: Matrix) -> ClassifyAnswer:
        return ClassifyAnswer(state.library.classify_vectors(pages, vectors, unknown_share=unknown_share))

    read, found = await _embed_and(state, files, answer)
    return _tell(state, _CLASSIFY, ClassifyAnswer(found.pages if found else [], read.unreadable))


async def _classify_by_label(
    state: ServiceState, files: list[UploadFile], method: str | None, label: str | None, unknown_share: float | None
) -> LabelAnswer:
    learning = state.library.learning
    teller = await state.search(lambda: learning.teller(method, label=label))
    if teller.embedder is not None:
        # Another network than the library's: its passes are not shared with other uploads.
        return await state.decode(
            "decode", lambda: learning.classify_with(teller, _read(files), unknown_share=unknown_share)
        )

    def answer(pages: list[ReadPage], vectors: Matrix) -> LabelAnswer:
        told = learning.tell(teller, pages, vectors, unknown_share=unknown_share)
        return LabelAnswer(teller.label, teller.method, told)

    read, found = await _embed_and(state, files, answer)
    return LabelAnswer(teller.label, teller.method, found.pages if found else [], read.unreadable)


async def _embed_and(
    state: ServiceState, files: list[UploadFile], answer: Callable[[list[ReadPage], Matrix], T]
) -> tuple[ReadUploads, T | None]:
    """What was read, and what `answer` makes of it; None where nothing could be read."""

    def read_files() -> ReadUploads:
        return state.library.read_uploads(_read(files))

    try:
        with state.batcher.coming():
            read = await state.decode("decode", read_files)
    except ModelError as exc:
        state.batcher.note_failure(exc)
        raise
    state.metrics.observe_unreadable(len(read.unreadable))
    if not read.pages:
        return read, None
    vectors = await state.batcher.embed([page.prepared for page in read.pages])
    return read, await state.search(lambda: answer(read.pages, vectors))


def _read(files: list[UploadFile]) -> list[Upload]:
    """Into memory, which an upload takes only while it has its turn."""
    return [Upload(name_of(file, n), file.file.read()) for n, file in enumerate(files, 1)]


def _tell(state: ServiceState, shape: TypeAdapter[T], answer: T) -> Response:
    """The answer as JSON, timed as the stage `payload`."""
    with state.metrics.stage("payload"):
        data = shape.dump_json(answer)
    return Response(data, media_type="application/json")
