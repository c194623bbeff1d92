"""Whatever is asked, the API answers as its page says: no request brings it down."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from core.downloads import Downloads
from core.http.api import api
from core.library import Library
from core.settings import Settings

schemathesis.serializer.alias("application/zip", "application/octet-stream")

EXAMPLES = 12
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
OPERATIONS = [
    (method, path)
    for path, methods in api(Library(Settings())).openapi()["paths"].items()
    for method in methods
]


@pytest.fixture(scope="module")
def schema(tiny_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("any")
    found = Settings(
        home=tiny_home,
        cache=folder / "cache",
        offline=True,
        database_url=f"sqlite:///{folder / 'catalogue.sqlite3'}",
        requests_per_minute=1_000_000,
    )
    downloads = Downloads(found)
    app = api(Library(found), downloads)
    yield schemathesis.openapi.from_asgi("/openapi.json", app)
    downloads.close()


@pytest.mark.slow
@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[" ".join(one) for one in OPERATIONS])
def test_an_operation_answers_as_described(schema, method, path):
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=schema[path][method].as_strategy())
    def asked(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=CHECKS)

    asked()
