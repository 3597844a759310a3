"""A local Fly over real HTTP on loopback, for the demo, for practice and for tests.
Only `source.py`, the command line and tests may import it; it imports nothing of the product but errors.
"""
