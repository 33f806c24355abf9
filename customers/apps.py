from django.apps import AppConfig


class CustomersConfig(AppConfig):
    name = "customers"
    verbose_name = "Customers"

    def ready(self) -> None:
        from django_q.conf import logger
        from django_q.signals import post_spawn

        from customers.queueing import in_one_line
        from customers.workers import on_worker_start

        post_spawn.connect(on_worker_start, dispatch_uid="customers.workers")
        logger.addFilter(in_one_line)
