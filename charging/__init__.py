"""SteVe, the charging station management system: its REST client and its step."""

from charging.client import SteveClient
from charging.step import SteveIdTagStep
from charging.values import OcppTag, Transaction
from charging.wire import SteveError

__all__ = ["OcppTag", "SteveClient", "SteveError", "SteveIdTagStep", "Transaction"]
