"""The only place that knows SteVe's REST API: no paging, a PUT replaces every field, idTags ignore case."""

import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from charging.errors import SteveError, unexpected
from charging.login import KEY_HEADER, Login
from charging.values import OcppTag, Transaction, folded, without_zone
from charging.wire import Wire
from kernel.deadline import Deadline
from kernel.tally import Tally

log = logging.getLogger(__name__)

Value = TypeVar("Value", OcppTag, Transaction)

ID_TAGS = "/v1/ocppTags"
TRANSACTIONS = "/v1/transactions"
PERIODS_DAYS = (10, 30, 90)
# What SteVe takes as a filter; one item of another form makes it refuse all.
FILTERED_BY = re.compile(r"[A-Za-z0-9.:_#-]{1,20}")
ASKED_AT_ONCE = 100  # each at most 20 characters and its name: well below the 8 KB that an address may have
NOT_OF_THIS_KIND = (AttributeError, KeyError, TypeError, ValueError)


class SteveClient:
    """Talk to SteVe; share it between threads. Every method raises SteveError.

    `timeout_s` is what a call may take at a small SteVe; it grows with the idTags that `id_tags` found there.
    `tries=1` asks once, and asks nothing else where that fails.
    """

    def __init__(
        self,
        base_url: str,
        username: str,
        key: str,
        *,
        key_header: str = KEY_HEADER,
        timeout_s: float = 30.0,
        tries: int = 3,
        backoff_s: float = 0.5,
        sleep: Callable[[float], None] = time.sleep,
        pool_size: int = 8,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        deadline: Deadline | None = None,
    ) -> None:
        self._wire = Wire(
            base_url,
            Login(username, key, key_header),
            harmless=(ID_TAGS, {"ocppTagPk": 0}),
            timeout_s=timeout_s,
            tries=tries,
            backoff_s=backoff_s,
            sleep=sleep,
            pool_size=pool_size,
            deadline=deadline,
        )
        self._now = now

    @property
    def url(self) -> str:
        """Name the SteVe that is talked to; safe to show."""
        return self._wire.url

    @property
    def tally(self) -> Tally:
        return self._wire.tally

    def close(self) -> None:
        self._wire.close()

    def preflight(self) -> None:
        """Prove that SteVe answers and takes the credentials; as cheap as a call about one idTag."""
        self._wire.ask()

    @property
    def timeout_s(self) -> float:
        """Return how long a call may take, as far as it is known how many idTags there are."""
        return self._wire.timeout_s

    @property
    def call_s(self) -> float | None:
        """Return how long one of the last calls about one idTag took, as the median; None before the first.

        Measured from here: where several calls are made at a time, it holds how they waited for each other.
        """
        return self._wire.call_s

    @property
    def served_at(self) -> datetime | None:
        """Return what time it was there at the last answer; None where that was not told."""
        return self._wire.served_at

    # --- idTags ------------------------------------------------------------------------------------

    def id_tags(self) -> list[OcppTag]:
        """Read all idTags. SteVe has no paging: one call."""
        found = self._id_tags({})
        self._wire.learn(len(found))
        return found

    def find_id_tag(self, id_tag: str) -> OcppTag | None:
        """Read one idTag, in whatever spelling SteVe has it."""
        found = self._id_tags({"idTag": id_tag}, about_one=True)
        return next((tag for tag in found if folded(tag.id_tag) == folded(id_tag)), None)

    def children_of(self, id_tag: str) -> list[OcppTag]:
        """Read the idTags whose parent this one is, in whatever spelling."""
        found = self._id_tags({"parentIdTag": id_tag})
        parents = [(tag, tag.parent_id_tag) for tag in found]
        return [tag for tag, parent in parents if parent is not None and folded(parent) == folded(id_tag)]

    def get_id_tag(self, ocpp_tag_pk: int) -> OcppTag | None:
        try:
            return self._one("GET", f"{ID_TAGS}/{ocpp_tag_pk}")
        except SteveError as error:
            if error.is_not_found:
                return None
            raise

    def create_id_tag(self, id_tag: str, *, max_active_transaction_count: int, note: str = "") -> OcppTag:
        """Make an idTag; one that exists already, in any spelling, is refused with status 422."""
        body = {"idTag": id_tag, "maxActiveTransactionCount": max_active_transaction_count, "note": note}
        return self._one("POST", ID_TAGS, body)

    def update_id_tag(self, tag: OcppTag, *, max_active_transaction_count: int) -> OcppTag:
        """Set the limit, leave the rest as in `tag`, read just before: a field left out would be cleared."""
        body = {
            "idTag": tag.id_tag,
            "parentIdTag": tag.parent_id_tag,
            "expiryDate": without_zone(tag.expires_at) if tag.expires_at else None,
            "maxActiveTransactionCount": max_active_transaction_count,
            "note": tag.note,
        }
        given = {name: value for name, value in body.items() if value is not None}
        return self._one("PUT", f"{ID_TAGS}/{tag.ocpp_tag_pk}", given)

    def delete_id_tag(self, ocpp_tag_pk: int) -> bool:
        """Delete an idTag AND ITS WHOLE CHARGING HISTORY; say whether it was still there."""
        try:
            self._wire.call("DELETE", f"{ID_TAGS}/{ocpp_tag_pk}", about_one=True)
        except SteveError as error:
            if error.is_not_found:
                return False
            raise
        return True

    # --- Charging sessions -------------------------------------------------------------------------

    def transactions(
        self,
        *,
        since: datetime | None = None,
        charge_box_id: str | None = None,
        running_only: bool = False,
    ) -> list[Transaction]:
        """Read charging sessions of all idTags, newest first, started at or after `since`.

        The server filters by whole days and the rest is done here: its versions disagree on how an instant
        has to be written (with or without a time zone), and each refuses the other's form.
        """
        params = {
            "type": "ACTIVE" if running_only else "ALL",
            "periodType": _period(since, self._now()),
            "chargeBoxId": charge_box_id,
        }
        found = self._list(TRANSACTIONS, {k: v for k, v in params.items() if v is not None}, Transaction)
        return [transaction for transaction in found if since is None or transaction.started_at >= since]

    def transactions_of(self, id_tags: Iterable[str]) -> list[Transaction]:
        """Read all charging sessions of some idTags, whatever spelling they carry; as few calls as can be.

        One idTag that SteVe does not take as a filter makes it refuse the whole list, and a long address is
        refused too. Such idTags, which only a charger can have brought in, are looked for among all sessions.
        """
        asked = dict.fromkeys(id_tags)
        plain = [id_tag for id_tag in asked if FILTERED_BY.fullmatch(id_tag)]
        strange = {folded(id_tag) for id_tag in asked.keys() - set(plain)}
        found: list[Transaction] = []
        for start in range(0, len(plain), ASKED_AT_ONCE):
            params = {"type": "ALL", "periodType": "ALL", "ocppIdTag": plain[start : start + ASKED_AT_ONCE]}
            found += self._list(TRANSACTIONS, params, Transaction)
        if strange:
            found += [one for one in self.transactions() if folded(one.id_tag) in strange]
        return found

    # --- The wire ----------------------------------------------------------------------------------

    def _id_tags(self, params: Mapping[str, Any], *, about_one: bool = False) -> list[OcppTag]:
        """Read idTags. One that is none is left aside, so that it does not stand in the way of the others."""
        items = self._items(ID_TAGS, params, about_one=about_one)
        found = [tag for tag in map(_id_tag, items) if tag is not None]
        strange = len(items) - len(found)
        if strange and not found:
            raise unexpected(f"GET {ID_TAGS}", "no OcppTag")
        if strange:
            log.warning("Items among the idTags of SteVe that are none and are left aside: %d", strange)
        return found

    def _list(self, path: str, params: Mapping[str, Any], kind: type[Value]) -> list[Value]:
        """Read a list of which nothing may be missing."""
        return [_read(kind, item, f"GET {path}") for item in self._items(path, params)]

    def _items(self, path: str, params: Mapping[str, Any], *, about_one: bool = False) -> Sequence[Any]:
        answer = self._wire.call("GET", path, params=params, about_one=about_one)
        if not isinstance(answer, list):
            raise unexpected(f"GET {path}", "no list")
        return answer

    def _one(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> OcppTag:
        answer = self._wire.call(method, path, body=body, about_one=True)
        return _read(OcppTag, answer, f"{method} {path}", sent=method != "GET")


def _id_tag(item: Any) -> OcppTag | None:
    try:
        return OcppTag.from_json(item)
    except NOT_OF_THIS_KIND:
        return None


def _read(kind: type[Value], item: Any, what: str, *, sent: bool = False) -> Value:
    try:
        return kind.from_json(item)
    except NOT_OF_THIS_KIND:
        raise unexpected(what, f"no {kind.__name__}", sent=sent) from None  # its text may hold an idTag


def _period(since: datetime | None, now: datetime) -> str:
    """Name SteVe's shortest period that holds all since then; it counts whole days of its own time zone."""
    days = None if since is None else (now - since).days + 2
    return next((f"LAST_{limit}" for limit in PERIODS_DAYS if days is not None and days <= limit), "ALL")
