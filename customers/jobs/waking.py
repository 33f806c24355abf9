"""Wake the worker for a job."""

from customers import queueing

TASK = "customers.tasks.run_job"


def enqueue(job_pk: int) -> None:
    queueing.wake_once_committed(TASK, job_pk)
