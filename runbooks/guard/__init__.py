"""The guards: files that `runbooks guard` writes into the project of whoever creates machines."""
