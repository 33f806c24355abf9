"""A stateful Lago for rehearsals and tests: behaves as Lago does, keeps a journal of what would be billed."""

from rehearsal.lago.sandbox import SANDBOX_KEY, Sandbox
from rehearsal.lago.seeds import PlanSpec

__all__ = ["SANDBOX_KEY", "PlanSpec", "Sandbox"]
