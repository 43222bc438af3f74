"""A real Kubernetes with Argo Workflows and S3 on this machine, without a registry, Docker or the Internet."""
