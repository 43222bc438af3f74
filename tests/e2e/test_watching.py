"""Watches of the real API server, through TLS."""

from __future__ import annotations

import secrets
from queue import SimpleQueue
from threading import Thread

from mlplat import k8s
from mlplat.k8s.resources import CONFIG_MAPS
from tests.e2e.harness.cluster import Access


def test_a_watch_is_cancelled_while_nothing_changes(cluster: Access) -> None:
    cancellation = k8s.Cancellation()
    client = k8s.connect(cluster.namespace, kubeconfig=cluster.kubeconfig)
    name = f"watched-{secrets.token_hex(4)}"
    seen: SimpleQueue[str] = SimpleQueue()

    def follow() -> None:
        for change in k8s.watch(client.cancelled_by(cancellation), CONFIG_MAPS, name=name):
            seen.put(change.type)
        seen.put("end")

    thread = Thread(target=follow)
    thread.start()
    client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})
    try:
        assert seen.get() == "ADDED"
        cancellation.cancel()
        thread.join()
        assert seen.get() == "end"
    finally:
        client.delete(CONFIG_MAPS, name)
