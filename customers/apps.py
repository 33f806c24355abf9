from typing import Any

from django.apps import AppConfig


def on_worker_start(**kwargs: Any) -> None:
    """Hand on what django-q2 says in each worker process. Only those need what is loaded here."""
    from customers import workers

    workers.on_worker_start(**kwargs)


class CustomersConfig(AppConfig):
    name = "customers"
    verbose_name = "Customers"

    def ready(self) -> None:
        from django_q.conf import logger
        from django_q.signals import post_spawn

        from customers.queueing import in_one_line

        post_spawn.connect(on_worker_start, dispatch_uid="customers.workers")
        logger.addFilter(in_one_line)
