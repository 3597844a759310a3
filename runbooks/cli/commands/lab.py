"""`runbooks lab`: a runbook in JupyterLab."""

from runbooks.execution.lab import main as command

__all__ = ["command"]
