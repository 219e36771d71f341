"""`/v1/clusters`, names and the history of decisions."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from indexer.library.results import Cluster, HistoryEntry, KChoice, NameReport, Question, SimilarAnswer
from service.openapi import problems
from service.routes.parameters import Limit, PathCluster
from service.schemas import AnswerBody, ChooseKBody, GroupBody, NamesBody, UndoBody
from service.state import State, Who

router = APIRouter(prefix="/v1")


@router.get("/clusters", operation_id="list_clusters", tags=["clusters"], responses=problems(404))
def list_clusters(state: State) -> list[Cluster]:
    """The clusters of the current run, with their sizes, names and exemplars."""
    return state.library.clusters()


@router.get("/clusters/{cluster}/pages", operation_id="list_cluster_pages", tags=["clusters"], responses=problems(404))
def list_cluster_pages(
    state: State,
    cluster: PathCluster,
    order: Annotated[
        Literal["exemplars", "outliers"], Query(description="Nearest to the centroid first, or farthest.")
    ] = "exemplars",
    limit: Limit = 50,
    offset: Annotated[int, Query(ge=0, le=2**31 - 1, description="How many pages to pass over.")] = 0,
) -> SimilarAnswer:
    """The pages of one cluster, with their similarity to its centroid."""
    return state.library.cluster_pages(cluster, limit=limit, offset=offset, order=order)


@router.get("/questions", operation_id="list_questions", tags=["clusters"])
def list_questions(state: State) -> list[Question]:
    """What clustering anew left open about names, with the evidence."""
    return state.library.questions()


@router.post(
    "/questions/{number}/answer", operation_id="answer_question", tags=["clusters"], responses=problems(400, 404, 409)
)
async def answer_question(
    state: State,
    who: Who,
    number: Annotated[int, Path(ge=1, le=2**31 - 1, description="A question's number.", examples=[1])],
    body: AnswerBody,
) -> NameReport:
    """Say which group the question's cluster is, or that its pages keep the group they have. It can be undone."""
    group, cluster = body.group, body.cluster
    return await state.write(
        lambda: state.library.answer(number, group=group, cluster=cluster, keep=body.keep, who=who.name)
    )


@router.put("/clusters/{cluster}/group", operation_id="name_cluster", tags=["clusters"], responses=problems(404, 409))
async def name_cluster(state: State, who: Who, cluster: PathCluster, body: GroupBody) -> NameReport:
    """Name one cluster, or take its name away."""
    return await state.write(lambda: state.library.name_clusters([cluster], body.group, who=who.name))


@router.post("/names", operation_id="name_clusters", tags=["clusters"], responses=problems(404, 409))
async def name_clusters(state: State, who: Who, body: NamesBody) -> NameReport:
    """Give several clusters one name, as one decision."""
    return await state.write(lambda: state.library.name_clusters(body.clusters, body.group, who=who.name))


@router.post("/choose-k", operation_id="choose_k", tags=["clusters"], responses=problems(404))
async def choose_k(state: State, body: ChooseKBody) -> list[KChoice]:
    """How well each number of clusters would fit. Takes a while on large libraries; nothing is changed."""
    return await state.choose(lambda: state.library.choose_k(body.ks, seed=body.seed))


@router.get("/history", operation_id="list_history", tags=["history"])
def list_history(
    state: State, limit: Annotated[int, Query(ge=1, le=1000, description="The most entries.")] = 100
) -> list[HistoryEntry]:
    """What was decided, by whom and when, newest first."""
    return state.library.history(limit=limit)


@router.post("/undo", operation_id="undo", tags=["history"], responses=problems(404, 409))
async def undo(state: State, who: Who, body: UndoBody) -> HistoryEntry:
    """Take back one decision, or the last."""
    return await state.write(lambda: state.library.undo(body.entry, who=who.name))
