"""Runbooks that find out what happened to a Fly.io Machine: from a machine id to a proven cause.

The data flows collect → evidence → diagnose → report; `case.py` holds it together.
"""

__version__ = "0.1.0"
