"""SteVe, the charging station management system: its REST client and its step."""

from customers.steve.client import SteveClient
from customers.steve.step import SteveIdTagStep
from customers.steve.values import OcppTag, Transaction
from customers.steve.wire import SteveError

__all__ = ["OcppTag", "SteveClient", "SteveError", "SteveIdTagStep", "Transaction"]
