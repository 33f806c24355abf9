"""Wallets and coupons: what customers have paid already, or need not pay."""
