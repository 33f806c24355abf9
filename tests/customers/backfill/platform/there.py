"""What the tests beside a platform put there, and read of it."""

from collections.abc import Sequence
from typing import Any

from customers.backfill.engine.report import Report
from tests.customers.factories import told
from tests.rehearsal.platform.rows import add_mapping, add_user
from tests.rehearsal.platform.town import Town

E, EMAIL, TAG, KEY = "C-1", "customer1@example.com", "TAG0001", "backfill-C-1"  # of the first row of a file
OURS = ("platform_", "email_", "name_")


def user(town: Town, external_id: str | None = E, email: str | None = EMAIL, **values: Any) -> str:
    return add_user(town.database, external_id, email=email, **values)


def card(town: Town, user_id: str | None, pk: int | None = None, **values: Any) -> int:
    """A card of the first row, active, under the number that SteVe gives it unless another is said."""
    usual = {
        "steve_ocpp_id_tag": TAG,
        "lago_customer_external_id": E,
        "lago_subscription_external_id": KEY,
        "is_active": True,
    }
    number = town.add_tag(TAG) if pk is None else pk
    return add_mapping(town.database, user_id, number, **{**usual, **values})


def platform(town: Town) -> tuple[Sequence[Any], Sequence[Any]]:
    """All that we could write there: users, and mappings of any kind."""
    users = "select id, email, role, lago_customer_external_id, updated_at from users order by id"
    cards = "select * from user_mappings order by id"
    return town.rows(users), town.rows(cards)


def users(town: Town) -> list[tuple[Any, ...]]:
    return town.rows("select lago_customer_external_id, email, role from users order by 1")


def cards(town: Town) -> list[tuple[Any, ...]]:
    """Of each card: idTag, SteVe's number, whose, whether it bills, and to what."""
    return town.rows(
        "select m.steve_ocpp_id_tag, m.steve_ocpp_tag_pk, u.lago_customer_external_id, m.is_active,"
        " m.lago_subscription_external_id from user_mappings m left join users u on u.id = m.user_id"
        " where m.tag_type <> 'meta' order by m.steve_ocpp_id_tag, m.id"
    )


def problems(report: Report, line: int = 2) -> list[str]:
    """The codes of a row's problems that are about the platform."""
    return [one["code"] for one in told(report)[line]["problems"] if one["code"].startswith(OURS)]
