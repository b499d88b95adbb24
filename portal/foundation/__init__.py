"""Mechanisms without a billing word: database, tenancy, access, actor, audit, money, clock, refusals."""
