"""Runs with imported customers, made as an import leaves them."""

import itertools
from datetime import date, timedelta

from django.db.models import F

from customers.backfill.welcome.sending import Conditions
from customers.models import BackfillRow, BackfillRun, BackfillStep, IdTagMapping, User, WelcomeCampaign
from tests.support.smtp_server import Inbox

MINUTE_MS = 60_000
_numbers = itertools.count(1)


class PassingHours:
    """A sender's time, which passes only while it sleeps; PostgreSQL, too, then sees the next batch nearer.

    The story has "mail" for each that the server takes and "pause" for sleep of any length between them.
    """

    def __init__(self, inbox: Inbox) -> None:
        self.now = 0.0
        self.story: list[str] = []
        inbox.on_data = lambda address: self.story.append("mail")

    def conditions(self, *, slice_s: float) -> Conditions:
        return Conditions(slice_s=slice_s, clock=lambda: self.now, sleep=self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.now += seconds
        WelcomeCampaign.objects.update(next_batch_at=F("next_batch_at") - timedelta(seconds=seconds))
        if self.story[-1:] != ["pause"]:
            self.story.append("pause")


def make_run(customers: int = 0, **fields: object) -> BackfillRun:
    """Make a finished run that imported so many customers, C-001 and so on."""
    number = next(_numbers)
    fields = {"status": BackfillRun.Status.SUCCEEDED, "actor": "cli:test", **fields}
    run = BackfillRun.objects.create(
        run_id=f"20261122-170501-{number:04x}",
        input_name="customers.csv",
        input_sha256=f"{number:064x}",
        lago_organization_id="org",
        lago_organization_name="Acme Charging",
        lago_url="http://lago-api:3000",
        **fields,
    )
    users = User.objects.bulk_create([make_user_object(run, index) for index in range(1, customers + 1)])
    rows = [
        BackfillRow(
            run=run, line=line, external_id=user.external_id or "", user=user, plan_code="standard",
            start_date=date(2026, 12, 1), outcome=BackfillRow.Outcome.CREATED,
        )
        for line, user in enumerate(users, start=2)
    ]  # fmt: skip
    BackfillRow.objects.bulk_create(rows)
    return run


def make_user_object(run: BackfillRun, index: int) -> User:
    prefix = run.run_id[-4:]
    return User(
        email=f"customer-{prefix}-{index}@example.com",
        display_name=f"Customer {index}",
        external_id=f"C-{prefix}-{index:03d}",
        password="!unusable",
    )


def make_customer(email: str = "erika@example.com", **fields: object) -> User:
    return User.objects.create_user(email=email, **{"display_name": "Erika Mustermann", **fields})


def add_row(run: BackfillRun, user: User | None, *, line: int = 2, **fields: object) -> BackfillRow:
    external_id = (user.external_id if user else None) or f"X-{line}"
    fields = {"external_id": external_id, "outcome": BackfillRow.Outcome.CREATED, **fields}
    return BackfillRow.objects.create(run=run, line=line, user=user, **fields)


def add_step(row: BackfillRow, state: str, name: str = "id_tag_mapping") -> BackfillStep:
    return BackfillStep.objects.create(row=row, name=name, state=state, ref="1")


def add_id_tag(
    user: User, id_tag: str = "04E12345", *, is_active: bool = True, name: str = ""
) -> IdTagMapping:
    return IdTagMapping.objects.create(
        user=user, id_tag=id_tag, name=name, is_active=is_active, lago_subscription_external_id="backfill-x"
    )


def customers_of(run: BackfillRun) -> list[User]:
    return list(User.objects.filter(backfill_rows__run=run).order_by("pk"))
