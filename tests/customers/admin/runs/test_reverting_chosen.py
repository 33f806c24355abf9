"""Customers who are ticked, or chosen on their own page, are looked at and then taken back."""

import pytest
from django.test import Client
from django.urls import reverse

from auditlog.models import AuditEntry
from customers.jobs import run_job
from customers.models import BackfillRun, RunJob, User
from rehearsal.lago import Sandbox
from tests.customers.admin.world import client_of, member_of_staff
from tests.customers.factories import imported, row, rows
from tests.customers.undoing import latest_run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(lago: Sandbox) -> BackfillRun:
    imported([*rows(3), row(1, id_tag="SECOND1")])
    return latest_run()


@pytest.fixture
def reverter(run: BackfillRun) -> Client:
    return client_of(member_of_staff("revert_backfill", "view_customer"))


def address(name: str, run: BackfillRun) -> str:
    return reverse(f"admin:customers_backfillrun_{name}", args=[run.pk])


def look(client: Client, run: BackfillRun, **given: object) -> RunJob:
    client.post(address("revert_look", run), given)
    job = RunJob.objects.filter(run=run, kind=RunJob.Kind.REVERT_PREVIEW).latest("pk")
    run_job(job.pk)
    return RunJob.objects.get(pk=job.pk)


def confirm(client: Client, run: BackfillRun, seen: RunJob) -> RunJob:
    client.post(address("revert", run), {"run_id": run.run_id, "look": seen.pk})
    job = RunJob.objects.filter(run=run, kind=RunJob.Kind.REVERT).latest("pk")
    run_job(job.pk)
    return RunJob.objects.get(pk=job.pk)


def here() -> set[str]:
    return set(User.objects.exclude(external_id=None).values_list("external_id", flat=True))


def test_rows_can_be_ticked_by_whoever_may_revert(reverter: Client, run: BackfillRun) -> None:
    other = client_of(member_of_staff("run_backfill", email="else@operator.example"))

    page, without = (
        client.get(address("change", run), follow=True).content.decode() for client in (reverter, other)
    )

    assert 'value="C-1" form="chosen"' in page
    assert 'form="chosen"' not in without


def test_who_was_ticked_is_shown_and_goes_and_the_others_stay(reverter: Client, run: BackfillRun) -> None:
    seen = look(reverter, run, chosen="1", external_id=["C-1", "C-3"])
    page = reverter.get(address("revert", run)).content.decode()

    job = confirm(reverter, run, seen)

    assert 'Of 2 chosen customers, with all their cards: <b class="pb-key">C-1, C-3</b>' in page
    assert (job.status, job.result["outcome"], here()) == ("done", "reverted", {"C-2"})
    assert latest_run().status == "succeeded"
    after = reverter.get(address("change", run)).content.decode()
    assert "Revert of 2 chosen customers: done" in after
    assert "2 customers of this run were taken back" in after
    asked = AuditEntry.objects.get(action="revert.asked").data
    assert asked["only"] == 2


def test_looked_at_again_it_is_of_the_same_customers(reverter: Client, run: BackfillRun) -> None:
    first = look(reverter, run, chosen="1", external_id=["C-2"])

    again, whole = look(reverter, run, again=first.pk), look(reverter, run)

    assert (again.result["chosen"], whole.result["chosen_total"]) == (["C-2"], None)


def test_nobody_ticked_is_not_everybody(reverter: Client, run: BackfillRun) -> None:
    answer = reverter.post(address("revert_look", run), {"chosen": "1"}, follow=True)

    assert "Nobody is named" in answer.content.decode()
    assert not RunJob.objects.exists()


def test_a_look_at_others_that_is_under_way_is_not_taken_for_this_one(
    reverter: Client, run: BackfillRun
) -> None:
    reverter.post(address("revert_look", run), {"chosen": "1", "external_id": "C-1"})

    answer = reverter.post(address("revert_look", run), {"chosen": "1", "external_id": "C-2"}, follow=True)

    assert "looks at other customers" in answer.content.decode()
    assert [job.options for job in RunJob.objects.all()] == [{"only": ["C-1"]}]


def test_a_customers_page_leads_to_the_same_look(reverter: Client, run: BackfillRun) -> None:
    user = User.objects.get(external_id="C-1")

    page = reverter.get(reverse("admin:customers_customer_change", args=[user.pk])).content.decode()

    assert page.count(f'action="{address("revert_look", run)}"') == 1
    assert '<input type="hidden" name="external_id" value="C-1">' in page


def test_an_unfinished_one_is_named_and_goes_on_without_naming_anybody(
    reverter: Client, run: BackfillRun
) -> None:
    BackfillRun.objects.filter(pk=run.pk).update(taking_back=["C-1"])
    page = reverter.get(address("change", run)).content.decode()

    confirm(reverter, run, look(reverter, run, chosen="1"))

    assert "A revert of 1 chosen customer has begun and is not through." in page
    assert here() == {"C-2", "C-3"}
    assert latest_run().taking_back == []
