from customers.models.backfill import BackfillRow, BackfillRun, BackfillStep
from customers.models.campaign import WelcomeCampaign, WelcomeMail
from customers.models.operations import ThrottleMark, WorkerBeat
from customers.models.people import IdTagMapping, User

__all__ = [
    "BackfillRow",
    "BackfillRun",
    "BackfillStep",
    "IdTagMapping",
    "ThrottleMark",
    "User",
    "WelcomeCampaign",
    "WelcomeMail",
    "WorkerBeat",
]
