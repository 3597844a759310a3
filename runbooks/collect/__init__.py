"""Network I/O, and the only place in the package that does any.
Each file asks one kind of neighbour and returns looks; nothing here knows about causes.
"""
