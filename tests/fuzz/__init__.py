"""Feeds broken files to mlplat: ``make fuzz``."""
