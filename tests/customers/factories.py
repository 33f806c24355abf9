"""Factories of the tests around an import: files, people, what is in Lago, plans and runs."""

import csv
import io
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.apps import apps
from django.conf import settings
from django.utils import timezone

from billing.client import LagoClient
from billing.values import Customer, Subscription
from customers.backfill.document import document
from customers.backfill.engine.attempt import import_file
from customers.backfill.engine.options import Options
from customers.backfill.engine.planning import plan_file
from customers.backfill.engine.progress import Progress
from customers.backfill.engine.report import Report
from customers.backfill.engine.stop import Stop
from customers.backfill.source import COLUMNS, Source, read_bytes
from customers.backfill.systems import connect
from customers.models import IdTagMapping, User
from rehearsal.lago import Sandbox
from rehearsal.lago.clock import quiet

Row = dict[str, str]
START = datetime(2024, 1, 1, tzinfo=UTC)
ALL = ("user", "id_tag_mapping", "lago_customer", "lago_subscription")


def row(number: int = 1, **changes: str) -> Row:
    """A good row of customer `number`; `card` in its idTag keeps several cards of one customer apart."""
    return {
        "email": f"customer{number}@example.com",
        "display_name": f"Customer {number}",
        "external_id": f"C-{number}",
        "id_tag": f"TAG{number:04}",
        "plan_code": "standard",
        "start_date": "2024-01-01",
    } | changes


def rows(count: int, **changes: str) -> list[Row]:
    return [row(number, **changes) for number in range(1, count + 1)]


def csv_text(given: Iterable[Row]) -> str:
    text = io.StringIO(newline="")
    given = list(given)
    more = dict.fromkeys(name for row in given for name in row if name not in COLUMNS)
    writer = csv.DictWriter(text, [*COLUMNS, *more])
    writer.writeheader()
    writer.writerows(given)
    return text.getvalue()


def source(given: Iterable[Row]) -> Source:
    return read_bytes("customers.csv", csv_text(given).encode())


def customer(number: int = 1, **changes: Any) -> User:
    """The user of that row."""
    known = row(number)
    fields: dict[str, Any] = {name: known[name] for name in ("email", "display_name", "external_id")}
    return User.objects.create_user(**(fields | changes))


def staff(email: str = "staff@example.com") -> User:
    return User.objects.create_user(email, role=User.Role.STAFF)


def mapping(user: User, number: int = 1, **changes: Any) -> IdTagMapping:
    """The mapping of that row: active and billed, unless told otherwise."""
    fields = {
        "id_tag": row(number)["id_tag"],
        "is_active": True,
        "lago_subscription_external_id": f"backfill-{user.external_id}",
    }
    return IdTagMapping.objects.create(user=user, **(fields | changes))


def set_wrong(lago: Sandbox, hours: int) -> None:
    """Have Lago's clock wrong by these hours, and by a day more where that is the first of a month there."""
    then = quiet(datetime.now(UTC)) + timedelta(hours=hours)
    further = timedelta(days=1 if hours > 0 else -1) if then.day == 1 else timedelta()
    lago.advance_clock(hours * 3600 + further.total_seconds())


def client_of(lago: Sandbox) -> LagoClient:
    return LagoClient(lago.url, lago.key, rate_per_s=0, backoff_s=0)


def lago_customer(lago: Sandbox, number: int = 1, **changes: Any) -> Customer:
    """What Lago has of that row, made by somebody else."""
    known = row(number)
    fields = {"external_id": known["external_id"], "name": known["display_name"], "email": known["email"]}
    with client_of(lago) as client:
        return client.create_customer(**(fields | changes)).customer


def lago_subscription(lago: Sandbox, number: int = 1, **changes: Any) -> Subscription:
    fields = {
        "external_id": f"backfill-C-{number}",
        "external_customer_id": f"C-{number}",
        "plan_code": "standard",
        "subscription_at": START,
        "billing_time": "calendar",
    }
    with client_of(lago) as client:
        return client.create_subscription(**(fields | changes))


def planned(given: Iterable[Row], **options: Any) -> Report:
    with connect(sleep=do_not_sleep) as systems:
        logs = settings.BACKFILL_LOG_DIR
        return plan_file(source(given), systems, Options(**options), now=timezone.now(), log_dir=logs)


def imported(
    given: Iterable[Row], *, stop: Stop | None = None, progress: Progress | None = None, **options: Any
) -> Report:
    """Import, without the pauses between the tries of a call."""
    with connect(sleep=do_not_sleep) as systems:
        return import_file(
            source(given),
            systems,
            Options(**options),
            actor="cli:tester",
            log_dir=settings.BACKFILL_LOG_DIR,
            stop=stop or Stop(),
            progress=progress or Progress(),
            now=timezone.now,
        )


def do_not_sleep(seconds: float) -> None: ...


def told(report: Report) -> dict[int, dict[str, Any]]:
    """What an operator is told of each row, by line."""
    return {row["line"]: row for row in json.loads("".join(document(report)))["rows"]}


def codes(report: Report, line: int = 2) -> list[str]:
    return [problem["code"] for problem in told(report)[line]["problems"]]


def warnings(report: Report, line: int = 2) -> list[str]:
    return [warning["code"] for warning in told(report)[line]["warnings"]]


def actions(report: Report) -> list[str]:
    return [row["action"] for row in told(report).values()]


def steps(report: Report, line: int = 2) -> dict[str, str]:
    found: dict[str, str] = told(report)[line]["steps"]
    return found


def all_steps(word: str) -> dict[str, str]:
    return dict.fromkeys(ALL, word)


def table_counts() -> dict[str, int]:
    return {model._meta.label: model._default_manager.count() for model in apps.get_models()}


def unchanged(lago: Sandbox) -> Callable[[], bool]:
    """Remember every table's count and all of Lago; the answer tells whether they are still the same."""
    before = (table_counts(), lago.state(volatile=True))
    return lambda: before == (table_counts(), lago.state(volatile=True))
