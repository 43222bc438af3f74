"""The expression languages of Argo Workflows.

``{{= }}`` tags, ``valueFrom.expression`` and ``retryStrategy.expression`` are expr-lang (:func:`evaluate`); what
is left of ``when`` after its tags are replaced is govaluate (:func:`should_execute`); ``depends`` has rules of its
own (:mod:`mlplat.argo.depends`).
"""

from mlplat.argo.expressions.functions import from_json, to_json
from mlplat.argo.expressions.syntax import ExpressionError, ExpressionSyntaxError, identifiers, parse
from mlplat.argo.expressions.variables import environment, evaluate, evaluate_boolean, expand
from mlplat.argo.expressions.when import should_execute

__all__ = [
    "ExpressionError",
    "ExpressionSyntaxError",
    "environment",
    "evaluate",
    "evaluate_boolean",
    "expand",
    "from_json",
    "identifiers",
    "parse",
    "should_execute",
    "to_json",
]
