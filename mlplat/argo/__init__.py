"""What Argo Workflows means: names, templating, expressions, limits. Pure functions over plain dicts."""
