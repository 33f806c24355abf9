"""A receiver that the settings point to."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.receiver import SECRET, Receiver, receiving


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    with receiving() as receiver:
        settings.NOTIFY_WEBHOOK_URL, settings.NOTIFY_WEBHOOK_SECRET = receiver.url, SECRET
        yield receiver
