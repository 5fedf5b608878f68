"""One base for all products, one stand for each."""

from collections.abc import Iterator

import pytest
from products import PRODUCTS, Product
from fronted import Base, Stand


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Base]:
    base = Base(tmp_path_factory.mktemp("base"))
    yield base
    base.stop()


@pytest.fixture(scope="session", params=PRODUCTS, ids=lambda product: product.name)
def stand(request: pytest.FixtureRequest, base: Base, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    product: Product = request.param
    stand = Stand(base, product, tmp_path_factory.mktemp(product.name))
    yield stand
    stand.stop()
