from customers.models.among import as_array
from customers.models.approval import PlanApproval
from customers.models.backfill import BackfillRow, BackfillRun, BackfillStep, RunCalls, email_digest, moved_to
from customers.models.campaign import PlatformLink, WelcomeCampaign, WelcomeMail
from customers.models.console import Customer
from customers.models.job import RunJob
from customers.models.mapping import BackfillMapping, header_digest
from customers.models.notice import Notice
from customers.models.operations import ThrottleMark, WorkerBeat
from customers.models.people import FormerSpelling, IdTagMapping, User
from customers.models.shares import CallSlots, RunLogPart, RunShare, SharedRun, WorkerSeen
from customers.models.upload import BackfillUpload

__all__ = [
    "BackfillMapping",
    "BackfillRow",
    "BackfillRun",
    "BackfillStep",
    "BackfillUpload",
    "CallSlots",
    "Customer",
    "FormerSpelling",
    "IdTagMapping",
    "Notice",
    "PlanApproval",
    "PlatformLink",
    "RunCalls",
    "RunJob",
    "RunLogPart",
    "RunShare",
    "SharedRun",
    "ThrottleMark",
    "User",
    "WelcomeCampaign",
    "WelcomeMail",
    "WorkerBeat",
    "WorkerSeen",
    "as_array",
    "email_digest",
    "header_digest",
    "moved_to",
]
