"""Alembic migrations of the record; :func:`mlplat.metadata.open_store` applies them.

A developer writes a new one with
``alembic -c mlplat/metadata/migrations/alembic.ini -x url=sqlite:////tmp/empty.db revision --autogenerate
--rev-id 0002 -m "…"`` on a database that has been opened with the version before.
"""
