"""Renders a diagnosis: tables, charts, page, write-up, summary, index.
It adds no judgement: every sentence with a claim comes from the diagnosis with its footnotes.
"""
