"""A step of a system that the product does not know: a contact in a CRM for each customer."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

import requests
from django.conf import settings

from kernel import (
    Action,
    Divergence,
    Made,
    Problem,
    RemoteError,
    Removal,
    Removed,
    Since,
    Step,
    Task,
    Thing,
    Verdict,
    Wanted,
)

TIMEOUT_S = 30
Contacts = Mapping[str, Mapping[str, Any]]  # by external_id


class CrmError(RemoteError):
    """A call to the CRM that did not succeed."""


class CrmContactStep(Step):
    name = "crm_contact"
    noun = "contact"
    system = "CRM"
    variables = ("CRM_URL",)

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()

    @classmethod
    def configured(cls, connections: object) -> Self | None:
        return cls(settings.CRM_URL) if settings.CRM_URL else None

    def close(self) -> None:
        self._session.close()

    def preflight(self) -> None:
        self._call("GET", "/contacts")

    def identity(self) -> str:
        return self._url

    # --- Plan and apply ------------------------------------------------------------------------------

    def look_up(self, rows: Iterable[Wanted]) -> Contacts:
        return {contact["external_id"]: contact for contact in self._call("GET", "/contacts")}

    def check(self, wanted: Wanted, found: Contacts) -> Verdict:
        contact = found.get(wanted.external_id)
        if contact is None:
            return Verdict(Action.CREATE)
        exists = Problem("crm_contact_exists", "external_id", "The CRM has this contact already.")
        differs = Problem(
            "crm_contact_differs", "email", "The contact has another address; it stays as it is."
        )
        as_we_make_it = contact["email"] == wanted.email  # else nobody knows that a run made it
        return Verdict(
            Action.ADOPT,
            ref=str(contact["id"]),
            exists=(exists,),
            warnings=() if as_we_make_it else (differs,),
        )

    def create(self, task: Task) -> Made:
        wanted = task.wanted
        body = {"external_id": wanted.external_id, "name": wanted.display_name, "email": wanted.email}
        made = self._call("POST", "/contacts", body)
        return Made(str(made["id"]), adopted=made["existed"])

    # --- Reconcile -----------------------------------------------------------------------------------

    def compare(self, thing: Thing, found: Contacts) -> Sequence[Divergence]:
        contact = found.get(thing.wanted.external_id)
        if contact is None:
            return [Divergence("crm_missing", "a contact", "none", "Run the same file again.")]
        if contact["email"] != thing.wanted.email:
            return [Divergence("crm_email_drifted", "our address", "another", "Correct it in the CRM.")]
        return []

    # --- Revert --------------------------------------------------------------------------------------

    def activity(
        self, things: Sequence[Thing], found: Contacts, back: Any, since: Since
    ) -> Iterator[tuple[str, str]]:
        for thing in things:
            if found.get(thing.wanted.external_id, {}).get("notes"):
                yield thing.wanted.external_id, "has notes in the CRM"

    def remove(self, thing: Thing, found: Contacts) -> Removed:
        there = self._call("DELETE", f"/contacts/{thing.ref}")["there"]
        return Removed(Removal.REMOVED if there else Removal.GONE)

    # --- The wire ------------------------------------------------------------------------------------

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        try:
            answer = self._session.request(method, f"{self._url}{path}", json=body, timeout=TIMEOUT_S)
            answer.raise_for_status()
        except requests.HTTPError as error:
            raise CrmError("crm_refused", f"the CRM refused {method}", sent=False) from error
        except requests.RequestException as error:
            raise CrmError("crm_unreachable", "the CRM cannot be reached", sent=True, down=True) from error
        return answer.json()
