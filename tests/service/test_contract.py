"""What the service does is what its OpenAPI document says, for requests that nobody thought of."""

from __future__ import annotations

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import ignored_auth
from support.service import KEYS, RW_KEY, FakeLibrary, make_settings, open_client

from service.app import create_app

DOCUMENT = create_app(make_settings()).openapi()
OPERATIONS = [(path, method) for path, item in DOCUMENT["paths"].items() for method in item]
CONFIG = SchemathesisConfig.from_dict(
    {
        "headers": {"X-API-Key": RW_KEY},
        # A filter is a language of its own: a schema can say that it is text, not that it can be read.
        "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "400", "401", "404", "409"]}},
    }
)
FEW = settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)

load_all_checks()
ALL_CHECKS = CHECKS.get_all()


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_no_request_surprises_the_service(path: str, method: str) -> None:
    """Valid and invalid requests by the document: no 5xx, no undocumented status or shape, no method too many, no way around the key."""
    library = FakeLibrary()
    library.steps = 0
    with open_client(library, api_keys=KEYS, hosts="testserver") as client:
        operation = schemathesis.openapi.from_asgi("/openapi.json", client.app, config=CONFIG)[path][method.upper()]

        @FEW
        @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
        def check_valid(case: schemathesis.Case) -> None:
            case.call_and_validate(session=client, checks=ALL_CHECKS)

        @FEW
        @given(case=operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
        def check_invalid(case: schemathesis.Case) -> None:
            # Here it adds a wrong key beside the right one, of which either will do; test_gate.py has the matrix.
            case.call_and_validate(session=client, checks=ALL_CHECKS, excluded_checks=[ignored_auth])

        check_valid()
        if operation.query or operation.path_parameters or operation.body:
            check_invalid()


def test_every_operation_is_described() -> None:
    """Each has an id of its own, a tag, words, and its errors in the one shape."""
    ids = []
    for path, item in DOCUMENT["paths"].items():
        for operation in item.values():
            ids.append(operation["operationId"])
            assert operation["tags"], path
            assert operation["description"], path
            for status, response in operation["responses"].items():
                kinds = list(response.get("content", {}))
                assert int(status) < 400 or kinds == ["application/problem+json"], (path, status)
    assert len(set(ids)) == len(ids)


def test_answers_have_examples_that_fit() -> None:
    """Whoever reads the document sees what comes back, in the shape that its schema says."""
    answers = [
        (path, response["content"]["application/json"])
        for path, item in DOCUMENT["paths"].items()
        for operation in item.values()
        for status, response in operation["responses"].items()
        if int(status) < 300 and "application/json" in response.get("content", {})
    ]
    assert len(answers) > 30
    for path, content in answers:
        schema = {**content["schema"], "components": DOCUMENT["components"]}
        problems = [error.message for error in jsonschema_rs.validator_for(schema).iter_errors(content["example"])]
        assert not problems, (path, problems)


def test_bodies_have_examples() -> None:
    """Whoever reads the document sees what to send."""
    bodies = [name for name in DOCUMENT["components"]["schemas"] if name.endswith(("Body", "Job"))]
    assert len(bodies) > 20
    for name in bodies:
        assert DOCUMENT["components"]["schemas"][name]["examples"], name
