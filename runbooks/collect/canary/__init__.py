"""Test machines: what is created, how it goes, and how it is removed again."""
