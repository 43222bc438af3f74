"""Alembic migrations of the record; :func:`mlplat.metadata.open_store` applies them.

A developer writes a new one on a database that has been opened with the version before::

    alembic -c mlplat/metadata/migrations/alembic.ini -x url=sqlite:///empty.db \\
        revision --autogenerate --rev-id 0003 -m "What it is for"

Change tables in place: Alembic's batch mode copies a table and drops the old one, and SQLite then deletes all rows that
refer to it.
"""
