"""What several tests ask and expect."""

from collections.abc import Callable

import pytest

from billing.client import LagoClient, LagoError
from tests.billing.objects import customer
from tests.billing.scripted import Answer

Connect = Callable[..., LagoClient]

HTML = Answer(200, b"<html>Welcome</html>", {"Content-Type": "text/html"})
CREATED = Answer(body={"customer": customer("A1", created_at="2099-01-01T00:00:00Z")})


def create(client: LagoClient) -> None:
    client.create_customer(external_id="A1", name="Ada", email="ada@example.com")


def failure(call: Callable[[], object]) -> LagoError:
    """Make a call that must fail, and return how."""
    with pytest.raises(LagoError) as caught:
        call()
    return caught.value
