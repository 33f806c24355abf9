"""The list of steps: in the order in which a row's things are made. A new system is one more line."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

from billing.coupon_step import LagoCouponStep
from billing.customer_step import LagoCustomerStep
from billing.subscription_step import LagoSubscriptionStep
from billing.wallet_step import LagoWalletStep
from charging import SteveIdTagStep
from customers.backfill.connections import Connections
from customers.steps import IdTagMappingStep, UserStep
from kernel import Step, Works
from polaris import PlatformMappingStep, PlatformUserStep
from polaris.mappings import parents


@dataclass(frozen=True, slots=True)
class Listed:
    """A kind of step, and how it is connected: None where its system is not configured."""

    kind: type[Step]
    connect: Callable[[Connections], Step | None]


STEPS = [
    Listed(UserStep, lambda to: UserStep(beside_platform=to.platform is not None)),
    Listed(IdTagMappingStep, lambda to: IdTagMappingStep()),
    Listed(PlatformUserStep, lambda to: PlatformUserStep(to.platform) if to.platform else None),
    Listed(SteveIdTagStep, lambda to: _steve(to)),
    Listed(PlatformMappingStep, lambda to: PlatformMappingStep(to.platform) if to.platform else None),
    Listed(
        LagoCustomerStep,
        lambda to: LagoCustomerStep(
            to.lago,
            to.target.plans,
            to.births,
            to.abilities,
            to.seen,
            taxes_by_country=to.target.taxes_by_country,
        ),
    ),
    Listed(LagoCouponStep, lambda to: LagoCouponStep(to.lago, to.target.plans)),
    Listed(
        LagoSubscriptionStep,
        lambda to: LagoSubscriptionStep(
            to.lago,
            births=to.births,
            seen=to.seen,
            zone=to.zone,
            biller=to.biller,
            ahead=to.target.ahead,
        ),
    ),
    Listed(LagoWalletStep, lambda to: LagoWalletStep(to.lago, to.target.plans)),
]


def _steve(to: Connections) -> SteveIdTagStep | None:
    if to.steve is None:
        return None
    platform = to.platform
    return SteveIdTagStep(to.steve, own_parents=partial(parents, platform) if platform else None)


def kinds() -> dict[str, type[Step]]:
    """Return all kinds of steps by name, connected or not, in their order."""
    return {listed.kind.name: listed.kind for listed in STEPS}


def elsewhere() -> list[str]:
    """Name the kinds of things that are not in our own database, in their order."""
    return [name for name, kind in kinds().items() if kind.works is not Works.WITH_LEDGER]


def in_order(names: Iterable[str]) -> list[str]:
    """Sort names of steps as they are made; those that are not in the list come last."""
    return list(_sorted(tuple(names), tuple(kinds())))


@lru_cache(maxsize=256)  # nearly all rows of a run have the same
def _sorted(names: Sequence[str], order: Sequence[str]) -> Sequence[str]:
    places = {name: place for place, name in enumerate(order)}
    return sorted(names, key=lambda name: (places.get(name, len(places)), name))


def label(name: str) -> str:
    """Name a thing on the screen, also one whose step is no longer in the list."""
    return kinds()[name].label() if name in kinds() else name


def plural(name: str) -> str:
    return kinds()[name].plural() if name in kinds() else name


def leavable() -> Mapping[str, str]:
    """Return the systems that a revert may leave alone, by their key, with their name on the screen."""
    return {kind.system_key(): kind.system for kind in kinds().values() if kind.can_be_left and kind.system}


def system_names() -> Mapping[str, str]:
    """Return what systems are called on the screen, by their key."""
    return {kind.system_key(): kind.system for kind in kinds().values() if kind.system}


def alterations(counts: Mapping[str, int]) -> Mapping[str, str]:
    """Say what it means that a run alters what others made, by the code of the warning that names each."""
    altering = {kind.alters: kind for kind in kinds().values() if kind.alters}
    return {code: kind.altering(counts[code]) for code, kind in altering.items() if counts.get(code)}


def nouns(key: str) -> str:
    """Name what there is of ours in a system, without the system: "idTags"."""
    return " and ".join(f"{kind.noun}s" for kind in of_system(key))


def of_system(key: str) -> Iterator[type[Step]]:
    return (kind for kind in kinds().values() if kind.system_key() == key)
