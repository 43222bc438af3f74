"""A real Kubernetes with Argo Workflows and S3 on this machine, without registry, Docker or Internet."""
