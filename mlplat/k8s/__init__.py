"""Kubernetes: submit Workflows, follow them, read their logs.

Importing this package is quick; the ``kubernetes`` package is imported when one first logs in. Each function
takes the ``namespace``, ``context`` and ``kubeconfig`` that ``kubectl`` takes, and raises
:class:`mlplat.errors.ClusterError` with what to do when the cluster refuses or cannot be reached.
"""

from __future__ import annotations

from mlplat.k8s.access import Access, check_access
from mlplat.k8s.caches import delete_caches
from mlplat.k8s.cancellation import Cancellation
from mlplat.k8s.client import Client, Listed
from mlplat.k8s.connection import connect
from mlplat.k8s.events import Event, pod_warnings
from mlplat.k8s.failures import CancelledError
from mlplat.k8s.following import follow
from mlplat.k8s.identity import identity
from mlplat.k8s.logs import logs, printed
from mlplat.k8s.namespaces import Hidden, Namespace, inspect_namespace
from mlplat.k8s.resources import Resource
from mlplat.k8s.retrying import config_maps_of, retry
from mlplat.k8s.secrets import secret
from mlplat.k8s.watching import Change, watch
from mlplat.k8s.workflows import newest, read, stop, submit, terminate, with_uids, workflow_and_config_maps

__all__ = [
    "Access",
    "Cancellation",
    "CancelledError",
    "Change",
    "Client",
    "Event",
    "Hidden",
    "Listed",
    "Namespace",
    "Resource",
    "check_access",
    "config_maps_of",
    "connect",
    "delete_caches",
    "follow",
    "identity",
    "inspect_namespace",
    "logs",
    "newest",
    "pod_warnings",
    "printed",
    "read",
    "retry",
    "secret",
    "stop",
    "submit",
    "terminate",
    "watch",
    "with_uids",
    "workflow_and_config_maps",
]
