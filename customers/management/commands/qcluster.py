"""django-q2's own, which has what its workers need loaded once, before they are forked."""

from django_q.management.commands.qcluster import Command

from customers import tasks, workers

__all__ = ["Command", "tasks", "workers"]
