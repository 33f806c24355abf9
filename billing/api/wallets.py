"""Wallets of Lago: what customers have in hand. Only credits that are given away, which make no invoice."""

from collections.abc import Collection
from decimal import Decimal
from functools import partial

from billing.api.addresses import without_blanks
from billing.api.pages import spread
from billing.api.resources import Resources, another, is_absent, value
from billing.errors import LagoError
from billing.prepaid_values import Wallet
from billing.values import Json

# Lago refuses a second active wallet of a customer under one code, in versions that know codes.
TAKEN = {"code": ["value_already_exist"]}


class Wallets(Resources):
    def wallets_of(self, external_customer_ids: Collection[str]) -> dict[str, list[Wallet]]:
        """Return the wallets of each customer, ended ones too. Lago tells of one customer at a time.

        Of a customer who is not there it has none.
        """
        wanted = sorted(set(external_customer_ids))
        return dict(zip(wanted, spread(self._of_customer, wanted, self._workers), strict=True))

    def _of_customer(self, external_id: str) -> list[Wallet]:
        keep = partial(_only, external_id)
        try:
            return self._all("wallets", keep, [("external_customer_id", external_id)])
        except LagoError as error:
            if is_absent(error, "customer"):
                return []
            raise

    def wallet(self, lago_id: str) -> Wallet | None:
        reply = self._find(f"wallets/{lago_id}", "wallet")
        return None if reply is None else value(reply, "wallet", Wallet.of)

    def create_wallet(
        self, *, external_customer_id: str, name: str, currency: str, granted: Decimal
    ) -> Wallet:
        """Make a wallet with credits for which nobody is billed.

        The `name` is its key: where the answer is lost, or Lago says that the key is taken, the wallet under
        it is looked up and returned. It is never sent again after it may have arrived: two would be money
        given twice.
        """
        body = {
            "external_customer_id": without_blanks(external_customer_id),
            "name": name,
            "code": name,
            "rate_amount": "1",
            "currency": currency,
            "granted_credits": f"{granted:f}",
        }
        try:
            reply = self._send("POST", "wallets", "wallet", body=body, once=True)
        except LagoError as error:
            if not error.sent and error.details != TAKEN:
                raise
            if (found := self._named(external_customer_id, name)) is None:
                raise
            return found
        made = value(reply, "wallet", Wallet.of, sent=True)
        if (made.external_customer_id, made.name) != (external_customer_id, name):
            raise another(reply, "wallet", sent=True)
        return made

    def _named(self, external_customer_id: str, name: str) -> Wallet | None:
        wallets = self._of_customer(external_customer_id)
        return next((one for one in wallets if one.is_active and one.name == name), None)

    def terminate_wallet(self, lago_id: str) -> Wallet | None:
        """End a wallet; None if there is none. What is left in it is gone; nobody is billed for that."""
        try:
            reply = self._send("DELETE", f"wallets/{lago_id}", "wallet")
        except LagoError as error:
            if is_absent(error, "wallet"):
                return None
            raise
        ended = value(reply, "wallet", Wallet.of, sent=True)
        if ended.lago_id != lago_id:
            raise another(reply, "wallet", sent=True)
        return ended


def _only(external_id: str, data: Json) -> Wallet | None:
    """Read a wallet; None of another customer's, which a server may list that knows no such filter."""
    return Wallet.of(data) if data["external_customer_id"] == external_id else None
