"""The allocator: the online mechanism with a durable, tamper-evident journal. Source: chassang2021, Sections 4 to 7."""
