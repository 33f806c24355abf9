"""The only place that knows SteVe's REST API: no paging, a PUT replaces every field, idTags ignore case."""

import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from statistics import median
from typing import Any, TypeVar

from charging.values import OcppTag, Transaction, folded
from charging.wire import SteveError, Wire, unexpected

Value = TypeVar("Value", OcppTag, Transaction)

ID_TAGS = "/v1/ocppTags"
TRANSACTIONS = "/v1/transactions"
PERIODS_DAYS = (10, 30, 90)
# What SteVe takes as a filter; one item of another form makes it refuse all.
FILTERED_BY = re.compile(r"[A-Za-z0-9.:_#-]{1,20}")
ASKED_AT_ONCE = 100  # each at most 20 characters and its name: well below the 8 KB that an address may have
MEASURED = 50  # calls, the latest of their kind


class SteveClient:
    """Talk to SteVe over HTTP Basic; share it between threads. Every method raises SteveError."""

    def __init__(
        self,
        base_url: str,
        username: str,
        key: str,
        *,
        timeout_s: float = 30.0,
        tries: int = 3,
        backoff_s: float = 0.5,
        sleep: Callable[[float], None] = time.sleep,
        pool_size: int = 8,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wire = Wire(
            base_url,
            username,
            key,
            timeout_s=timeout_s,
            tries=tries,
            backoff_s=backoff_s,
            sleep=sleep,
            pool_size=pool_size,
        )
        self._now = now
        self._clock = clock
        self._took_s: deque[float] = deque(maxlen=MEASURED)

    @property
    def call_s(self) -> float | None:
        """Return what a call about one idTag took lately, as the median; None before there was one."""
        return median(self._took_s) if self._took_s else None

    @property
    def url(self) -> str:
        """Name the SteVe that is talked to; safe to show."""
        return self._wire.url

    def close(self) -> None:
        self._wire.close()

    def preflight(self) -> None:
        """Prove that SteVe answers and takes the credentials; cheap, whatever the number of idTags."""
        with self._measured():
            self._list(ID_TAGS, {"ocppTagPk": 0}, OcppTag)

    # --- idTags ------------------------------------------------------------------------------------

    def id_tags(self) -> list[OcppTag]:
        """Read all idTags. SteVe has no paging: one call."""
        return self._list(ID_TAGS, {}, OcppTag)

    def find_id_tag(self, id_tag: str) -> OcppTag | None:
        """Read one idTag, in whatever spelling SteVe has it."""
        with self._measured():
            found = self._list(ID_TAGS, {"idTag": id_tag}, OcppTag)
        return next((tag for tag in found if folded(tag.id_tag) == folded(id_tag)), None)

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
            "expiryDate": tag.expiry_date,
            "maxActiveTransactionCount": max_active_transaction_count,
            "note": tag.note,
        }
        given = {name: value for name, value in body.items() if value is not None}
        return self._one("PUT", f"{ID_TAGS}/{tag.ocpp_tag_pk}", given)

    def children_of(self, id_tag: str) -> list[OcppTag]:
        """Read the idTags that stand under another one."""
        found = self._list(ID_TAGS, {"parentIdTag": id_tag}, OcppTag)
        return [tag for tag in found if folded(tag.parent_id_tag or "") == folded(id_tag)]

    def delete_id_tag(self, ocpp_tag_pk: int) -> bool:
        """Delete an idTag AND ITS WHOLE CHARGING HISTORY; say whether it was still there."""
        try:
            with self._measured():
                self._wire.call("DELETE", f"{ID_TAGS}/{ocpp_tag_pk}")
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

    def _list(self, path: str, params: Mapping[str, Any], kind: type[Value]) -> list[Value]:
        answer = self._wire.call("GET", path, params=params)
        if not isinstance(answer, list):
            raise unexpected(f"GET {path}", "no list")
        return [_read(kind, item, f"GET {path}") for item in answer]

    def _one(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> OcppTag:
        with self._measured():
            answer = self._wire.call(method, path, body=body)
        return _read(OcppTag, answer, f"{method} {path}", sent=method != "GET")

    @contextmanager
    def _measured(self) -> Iterator[None]:
        """Time a call about one idTag, if it is answered as it should be."""
        began = self._clock()
        yield
        self._took_s.append(self._clock() - began)


def _read(kind: type[Value], item: Any, what: str, *, sent: bool = False) -> Value:
    try:
        return kind.from_json(item)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise unexpected(what, f"no {kind.__name__}", sent=sent) from None  # its text may hold an idTag


def _period(since: datetime | None, now: datetime) -> str:
    """Name SteVe's shortest period that holds all since then; it counts whole days of its own time zone."""
    days = None if since is None else (now - since).days + 2
    return next((f"LAST_{limit}" for limit in PERIODS_DAYS if days is not None and days <= limit), "ALL")
