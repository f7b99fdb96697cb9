"""Claims rules: estates divided among claims, compared, and their properties computed."""
