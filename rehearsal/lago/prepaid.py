"""Wallets and coupons: there are none in the sandbox, and whoever asks for the lists gets empty ones."""

from rehearsal.lago.paging import page
from rehearsal.lago.params import Call
from rehearsal.lago.world import World
from rehearsal.stand_in.messages import Json


def wallets(world: World, call: Call) -> Json:
    return {"wallets": [], "meta": page([], call.params)[1]}


def applied_coupons(world: World, call: Call) -> Json:
    return {"applied_coupons": [], "meta": page([], call.params)[1]}
