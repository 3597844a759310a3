"""Evidence in, findings out. Pure: no network, clock, environment or files, and no rendering.
`ledger.py` weighs, `causes/` knows, `catalogue.py` lists, the other files derive views of the same evidence.
"""
