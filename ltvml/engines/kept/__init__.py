"""Lines that were read and checked before, kept between runs: a night reads and checks what has changed."""
