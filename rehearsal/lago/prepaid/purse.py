"""The tables of wallets and coupons, and the look-ups that their endpoints share."""

from collections import defaultdict

from rehearsal.lago.tables import AppliedCoupon, Coupon, Customer, Wallet, WalletTransaction


class Purses:
    """Rows leave only through a status or `deleted_at`, as in Lago."""

    def __init__(self) -> None:
        self.coupons: list[Coupon] = []
        self.wallets: dict[str, Wallet] = {}
        self.transactions: list[WalletTransaction] = []
        self.applied: dict[str, AppliedCoupon] = {}
        self._wallets_by_customer: dict[str, list[Wallet]] = defaultdict(list)
        self._applied_by_customer: dict[str, list[AppliedCoupon]] = defaultdict(list)

    def add_wallet(self, wallet: Wallet) -> None:
        self.wallets[wallet.lago_id] = wallet
        self._wallets_by_customer[wallet.customer_id].append(wallet)

    def wallets_of(self, customer: Customer) -> list[Wallet]:
        """Return a customer's wallets, ended ones too, oldest first."""
        return self._wallets_by_customer.get(customer.lago_id, [])

    def active_wallets_of(self, customer: Customer) -> list[Wallet]:
        return [wallet for wallet in self.wallets_of(customer) if wallet.status == "active"]

    def coupon(self, code: str) -> Coupon | None:
        return next((one for one in self.coupons if one.code == code and one.deleted_at is None), None)

    def coupon_of(self, applied: AppliedCoupon) -> Coupon:
        return next(one for one in self.coupons if one.lago_id == applied.coupon_id)

    def apply(self, applied: AppliedCoupon) -> None:
        self.applied[applied.lago_id] = applied
        self._applied_by_customer[applied.customer_id].append(applied)

    def applied_of(self, customer: Customer) -> list[AppliedCoupon]:
        """Return a customer's coupons, ended ones too, oldest first."""
        return self._applied_by_customer.get(customer.lago_id, [])

    def active_applied_of(self, customer: Customer) -> list[AppliedCoupon]:
        return [one for one in self.applied_of(customer) if one.status == "active"]
