"""`/v1/models` and `/v1/evaluation`: what was learned from labels, and how far it can be trusted."""

from __future__ import annotations

from fastapi import APIRouter, Response

from indexer.errors import LearnedMissingError
from indexer.library.learning_report import PictureName
from indexer.library.learning_results import Evaluation, FinetuneReport, LearnedModels, ProbeReport, RemovedModel
from service.openapi import Responses, problems
from service.routes.parameters import PathModelName
from service.state import State

_PNG: Responses = {
    200: {"description": "The picture.", "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}
}

router = APIRouter(prefix="/v1", tags=["learning"])


@router.get("/models", operation_id="list_models")
async def list_models(state: State) -> LearnedModels:
    """Probes and fine-tuned models, the newest first, and trainings not finished. Jobs of the kinds `probe` and `finetune` make them."""
    return await state.search(lambda: state.library.learning.models())


@router.delete("/models/{name}", operation_id="remove_model", responses=problems(400, 404, 409))
async def remove_model(state: State, name: PathModelName) -> RemovedModel:
    """Remove a learned model with its files, or a training that was not finished."""
    return await state.write(lambda: state.library.learning.remove(name))


@router.get("/models/{name}/report", operation_id="get_model_report", responses=problems(404))
async def get_model_report(state: State, name: PathModelName) -> ProbeReport | FinetuneReport:
    """How good a learned model is, label by label; of a fine-tuned one also how its training went."""
    return await state.search(lambda: state.library.learning.report(name))


@router.get(
    "/models/{name}/pictures/{picture}",
    operation_id="get_model_picture",
    response_class=Response,
    responses={**problems(404), **_PNG},
)
async def get_model_picture(state: State, name: PathModelName, picture: PictureName) -> Response:
    """A picture of a fine-tuned model's report: its quality, its training, its worst mistakes."""
    data = await state.search(lambda: state.library.learning.picture(name, picture))
    return Response(data, media_type="image/png", headers={"Cache-Control": "no-cache"})


@router.get("/evaluation", operation_id="get_evaluation")
async def get_evaluation(state: State) -> Evaluation | None:
    """Ways of telling labels, as the last job of the kind `evaluate` compared them; null before the first."""
    return await state.search(lambda: state.library.learning.evaluation())


@router.get(
    "/evaluation/picture",
    operation_id="get_evaluation_picture",
    response_class=Response,
    responses={**problems(404), **_PNG},
)
async def get_evaluation_picture(state: State) -> Response:
    """The same as a picture: accuracies with their intervals, confusion and calibration of the best."""
    from indexer.library.learning_drawing import draw_evaluation

    def draw() -> bytes:
        found = state.library.learning.evaluation()
        if found is None:
            raise LearnedMissingError("Nothing was compared yet; a job of the kind `evaluate` does.")
        return draw_evaluation(found, name=state.library.manifest.name)

    return Response(await state.search(draw), media_type="image/png", headers={"Cache-Control": "no-cache"})
