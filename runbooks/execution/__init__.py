"""Running notebooks: one run, its kernel, JupyterLab, the shared bundle."""
