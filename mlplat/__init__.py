"""Kubeflow's pipelines on plain Argo Workflows, and on this machine."""
