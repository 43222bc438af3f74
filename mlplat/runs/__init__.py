"""Use cases around runs, for the command line and for programs: follow, stop, record.

Nothing here prints, reads a command line, or ends the process. Events are passed to callbacks, results are
returned, and errors are raised as :class:`mlplat.errors.MlplatError`.
"""
