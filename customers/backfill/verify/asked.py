"""What a test session needs, found or refused before anything is written."""

from dataclasses import dataclass, field

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from charging import SteveClient
from customers.backfill.refused import Refused
from customers.backfill.systems import Systems, steve_client
from customers.models import BackfillRun, IdTagMapping, User
from kernel.masking import mask_id_tag

LONGEST_TIMEOUT_S = 86_400


@dataclass(frozen=True, slots=True)
class LiveTest:
    """What is charged with, where, and who pays. `subscription_key` is its external_id in Lago.

    `ocpp_tag_pk` is SteVe's number of the idTag as far as we know it; by that the customer's sessions show.
    """

    user: User
    id_tag: str
    ocpp_tag_pk: int | None
    is_billed: bool
    subscription_key: str
    charge_box_id: str
    ocpp_url: str
    ocpp_password: str = field(repr=False)
    timeout_s: float
    steve: SteveClient

    @property
    def external_id(self) -> str:
        return self.user.external_id or ""


def what_it_writes(id_tag: str, charge_box_id: str, external_id: str) -> str:
    """Say what a test session leaves behind, in lines, before anybody agrees to it."""
    return (
        f"This charges 1 kWh with {mask_id_tag(id_tag)} on the charge box {charge_box_id}.\n"
        "It leaves a session in SteVe and a usage event in Lago, billed to the customer"
        f" {external_id};\na revert of the run would count that customer as active."
    )


def find_live_test(
    run: BackfillRun, systems: Systems, id_tag: str | None, charge_box_id: str | None, timeout_s: float
) -> LiveTest | None:
    """Find what a test needs, None where none is asked for; raise Refused. Nothing is written."""
    if not 0 < timeout_s <= LONGEST_TIMEOUT_S:
        raise Refused(f"--timeout must be more than 0 and at most {LONGEST_TIMEOUT_S:,} seconds.")
    if not id_tag and charge_box_id:
        raise Refused("--charge-box is of no use without --id-tag.", "Give both, or none to charge nothing.")
    if not id_tag:
        return None
    steve = _steve_for_tests(systems.steve)
    if not charge_box_id:
        raise Refused("--charge-box is missing.", "Name a charge box that exists in SteVe for tests only.")
    mapping = find_card(run, id_tag)
    return LiveTest(
        user=mapping.user,
        id_tag=mapping.id_tag,
        ocpp_tag_pk=mapping.steve_ocpp_tag_pk,
        is_billed=mapping.is_active,
        subscription_key=mapping.lago_subscription_external_id,
        charge_box_id=charge_box_id,
        ocpp_url=settings.STEVE_OCPP_URL,
        ocpp_password=settings.STEVE_OCPP_PASSWORD,
        timeout_s=timeout_s,
        steve=steve,
    )


def why_no_session() -> str:
    """Say why no test session can be had here, going by the settings; blank if one can."""
    try:
        _steve_for_tests(steve_client())
    except (Refused, ImproperlyConfigured) as error:
        return f"{error} {getattr(error, 'hint', '')}".strip()
    return ""


def _steve_for_tests(steve: SteveClient | None) -> SteveClient:
    if steve is None:
        hint = "Set STEVE_BASE_URL, STEVE_API_USERNAME and STEVE_API_KEY."
        raise Refused("A test session needs SteVe.", hint)
    if not settings.STEVE_OCPP_URL:
        hint = "It is SteVe's OCPP websocket, such as ws://steve:8180/steve/websocket/CentralSystemService."
        raise Refused("STEVE_OCPP_URL is not set.", hint)
    return steve


def find_card(run: BackfillRun, id_tag: str) -> IdTagMapping:
    """Find a card of the run by its exact spelling; raise Refused."""
    of_run = IdTagMapping.objects.filter(backfill_rows__run=run).select_related("user")
    mapping = of_run.filter(id_tag__iexact=id_tag).first()
    if mapping is None:
        hint = "Take one from the file, of a customer who agreed to the test."
        raise Refused(f"The idTag {mask_id_tag(id_tag)} is not one of the run {run.run_id}.", hint)
    if mapping.id_tag != id_tag:
        hint = "Sessions are billed by exact spelling: type it as the customer's page in the admin has it."
        raise Refused(f"The idTag {mask_id_tag(id_tag)} is spelled otherwise here.", hint)
    return mapping
