"""``mlplat get``, ``mlplat record``, ``mlplat cache``: the record of runs."""

from __future__ import annotations

import sys

from mlplat.cli import output, places
from mlplat.cli.grammar import Args
from mlplat.errors import ArgumentError, ClusterError, Diagnostic
from mlplat.runs import columns, state, tables
from mlplat.runs.machine import Machine


def get(args: Args) -> int:
    """List runs, or tasks, parameters, artifacts, lineage or metrics of a run."""
    found = _table(args)
    if args.output == "json":
        output.as_json(found.documents)
    elif found.place:
        print(f"no runs in {found.place}")
    elif not found.rows:
        print(f"no {args.what} found")
    else:
        print(output.table(found.titles, found.rows))
    sys.stdout.flush()
    for line in found.warnings:
        print(line, file=sys.stderr)
    return 0


def _table(args: Args) -> tables.Table:
    if args.columns is None and not args.filter and not args.sort:
        return tables.listed(places.place(args), args.what, args.run, args.limit)
    if args.what != "runs" or args.run:
        message = "--columns, --filter and --sort are for lists of runs"
        raise ArgumentError(Diagnostic("MLP418", "", message, "mlplat get runs --columns name,phase"))
    selection = columns.selection(args.columns, args.filter, args.sort)
    return tables.selected(places.place(args), selection, args.limit)


def record(args: Args) -> int:
    """Record Workflows of a cluster."""
    if bool(args.runs) + args.all + bool(args.selector) != 1:
        hint = "mlplat record RUN, mlplat record --all, or mlplat record -l team=blue"
        raise ArgumentError(Diagnostic("MLP407", "", "expected names of runs, --all or --selector", hint))
    cluster, code, none = places.cluster(args), 0, True
    with state.record(cluster.home, cluster.identity()) as store:
        for one in cluster.record(store, names=args.runs, selector=args.selector):
            none = False
            if one.run is None:
                code = ClusterError.exit_code
                print(f"{one.name}: {one.error}", file=sys.stderr)
            else:
                print(f"recorded {one.name}  {one.run.phase}")
    if none:
        print("no Workflows found", file=sys.stderr)
    return code


def cache(args: Args) -> int:
    """Delete all cached results."""
    place = places.place(args)
    if isinstance(place, Machine):
        count, noun, where = place.clear_cache(), "cached result", ""
    else:
        count, noun, where = place.clear_cache(args.controller_namespace), "cache", " of the cluster"
    print(f"deleted {count} {noun}{'' if count == 1 else 's'}{where}")
    return 0
