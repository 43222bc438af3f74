"""Use cases around runs, for the command line and for programs: follow, stop, record.

Nothing here prints, reads a command line, or ends the process. What happens is told to callbacks, what came of it is
returned, and what went wrong is raised as an :class:`mlplat.errors.MlplatError`.
"""
