"""Kubernetes: submit Workflows, follow them, read their logs."""
