"""Telling that something is over: written down with the change itself, delivered afterwards.

`outbox` writes, inside the transaction of what it tells of; `delivering` tells, and tries again. Delivery is
at least once, and the id of an event is the same each time.
"""
