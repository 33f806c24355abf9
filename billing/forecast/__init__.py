"""What Lago will bill for a subscription that is made now, told before it is made."""

from billing.forecast.invoices import Invoice, Kind, Part
from billing.forecast.telling import Forecast, Unforeseen, forecast, next_invoices, whole_cents

__all__ = ["Forecast", "Invoice", "Kind", "Part", "Unforeseen", "forecast", "next_invoices", "whole_cents"]
