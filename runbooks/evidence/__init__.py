"""What was seen: models, the catalogue of facets, tolerant readers, redaction.
No network here, and no judgement.
"""
