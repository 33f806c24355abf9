"""What becomes of wallets and coupons when their customer is deleted."""

from rehearsal.lago.prepaid import applied, wallets
from rehearsal.lago.tables import Customer
from rehearsal.lago.world import World


def end_prepaid(world: World, customer: Customer) -> None:
    for one in world.purses.active_applied_of(customer):
        applied.terminate(world, one)
    for wallet in world.purses.active_wallets_of(customer):
        wallets.terminate(world, wallet)
