"""The two steps in our own database: the customer, and whose an idTag is."""

from customers.steps.id_tag_mapping import IdTagMappingStep
from customers.steps.user import UserStep

__all__ = ["IdTagMappingStep", "UserStep"]
