"""The expression languages of Argo Workflows.

``{{= }}`` tags, ``valueFrom.expression`` and ``retryStrategy.expression`` are expr-lang (:func:`evaluate`); what
is left of ``when`` after its tags are replaced is govaluate (:func:`should_execute`); ``depends`` has rules of its own
(:func:`condition`).
"""

from mlplat.argo.depends import RESULTS, Condition, condition, earlier, in_order, unknown_names
from mlplat.argo.expressions.functions import from_json, to_json
from mlplat.argo.expressions.syntax import ExpressionError, ExpressionSyntaxError, identifiers, parse
from mlplat.argo.expressions.variables import environment, evaluate, evaluate_boolean, expand
from mlplat.argo.expressions.when import should_execute

__all__ = [
    "RESULTS",
    "Condition",
    "ExpressionError",
    "ExpressionSyntaxError",
    "condition",
    "earlier",
    "environment",
    "evaluate",
    "evaluate_boolean",
    "expand",
    "from_json",
    "identifiers",
    "in_order",
    "parse",
    "should_execute",
    "to_json",
    "unknown_names",
]
