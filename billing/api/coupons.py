"""Coupons of Lago, and which of them customers have."""

from collections.abc import Collection

from billing.api.addresses import path_id, without_blanks
from billing.api.resources import Resources, another, is_absent, value
from billing.errors import LagoError, proxy_cuts_ids
from billing.prepaid_values import AppliedCoupon, Coupon
from billing.values import Json, text


class Coupons(Resources):
    def coupons(self) -> dict[str, Coupon]:
        """Return all coupons that are not deleted, by their code; ended ones too."""
        return {coupon.code: coupon for coupon in self._all("coupons", Coupon.of)}

    def applied_coupons_of(self, external_customer_ids: Collection[str]) -> dict[str, list[AppliedCoupon]]:
        """Return the coupons of each customer, ended ones too, with as few calls as possible.

        A customer who is not there has none.
        """
        groups: dict[str, list[AppliedCoupon]] = {external_id: [] for external_id in external_customer_ids}
        for one in self._of_customers(
            "applied_coupons", AppliedCoupon.of, _customer_of, external_customer_ids
        ):
            groups[one.external_customer_id].append(one)
        return groups

    def apply_coupon(self, *, external_customer_id: str, coupon_code: str) -> AppliedCoupon:
        """Give a coupon to a customer.

        Where the answer is lost, the coupon is looked up and returned. It is never sent again after it may
        have arrived: Lago would take it off twice.
        """
        body = {"external_customer_id": without_blanks(external_customer_id), "coupon_code": coupon_code}
        try:
            reply = self._send("POST", "applied_coupons", "applied_coupon", body=body, once=True)
        except LagoError as error:
            if not error.sent or (found := self._active(external_customer_id, coupon_code)) is None:
                raise
            return found
        made = value(reply, "applied_coupon", AppliedCoupon.of, sent=True)
        if (made.external_customer_id, made.coupon_code) != (external_customer_id, coupon_code):
            raise another(reply, "applied_coupon", sent=True)
        return made

    def _has(self, external_customer_id: str, lago_id: str) -> bool:
        applied = self.applied_coupons_of([external_customer_id])[external_customer_id]
        return any(one.lago_id == lago_id and one.is_active for one in applied)

    def _active(self, external_customer_id: str, code: str) -> AppliedCoupon | None:
        applied = self.applied_coupons_of([external_customer_id])[external_customer_id]
        return next((one for one in applied if one.is_active and one.coupon_code == code), None)

    def remove_applied_coupon(self, external_customer_id: str, lago_id: str) -> AppliedCoupon | None:
        """Take a coupon away from a customer; None if he has it no more. Invoices stay as they are."""
        path = f"customers/{path_id(external_customer_id)}/applied_coupons/{lago_id}"
        try:
            reply = self._send("DELETE", path, "applied_coupon")
        except LagoError as error:
            if not (is_absent(error, "applied_coupon") or is_absent(error, "customer")):
                raise
            if "." in external_customer_id and self._has(external_customer_id, lago_id):
                raise proxy_cuts_ids("customer") from None
            return None
        ended = value(reply, "applied_coupon", AppliedCoupon.of, sent=True)
        if ended.lago_id != lago_id:
            raise another(reply, "applied_coupon", sent=True)
        return ended


def _customer_of(applied: Json) -> str:
    return text(applied, "external_customer_id")
