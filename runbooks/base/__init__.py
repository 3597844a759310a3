"""What all parts share: errors, settings, parameters, facets, folders. Imports nothing else of the package."""
