"""What people paste: one reader for each form of text, each a pure function from text to typed records."""
