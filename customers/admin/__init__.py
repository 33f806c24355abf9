"""The admin console: the same pipeline as the commands, behind pages.

Django finds what is registered by importing this package.
"""

from django.contrib import admin
from django_q import admin as queue
from django_q.models import Failure, OrmQ, Schedule, Success

from customers.admin import column_mappings, mappings
from customers.admin.people import customers, staff
from customers.admin.runs import admin as runs

__all__ = ["column_mappings", "customers", "mappings", "queue", "runs", "staff"]

# The queue is only transport: what is to be done, and what became of it, is in our own tables.
for model in (Failure, OrmQ, Schedule, Success):
    if admin.site.is_registered(model):
        admin.site.unregister(model)

admin.site.index_title = "Overview"
