"""Use cases around runs, for the command line, for programs and for pages.

Nothing here prints, reads a command line, or ends the process. Results are returned, events come from
:class:`mlplat.runs.run.Run`, and errors are raised as :class:`mlplat.errors.MlplatError`. The modules, in the order of
the life of a run::

    load a file      load, programs, folders, hints; arguments, settings (files), binding (values of parameters)
    check, compile   lint, compiling, checks
    start            starting; prepare, again and documents make the Workflow of a run, a retry or a rerun
    places of runs   machine, cluster; both give a run (Run); state (where .mlplat is), file_cache, cluster_updates
    results          outputs, outcomes, pending (why a pod does not start)
    read the record  records (opens it), lists, columns, tables, tasks; logs, log_following, cluster_files
    show             trees, tree_lines, task_lines; reports and pages
"""
