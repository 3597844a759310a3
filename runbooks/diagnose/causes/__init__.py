"""The causes, one function each, one file a family. Importing this package registers them all."""
