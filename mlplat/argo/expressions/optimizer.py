"""Rewrites a checked expression as expr-lang's optimizer does.

What it does shows: ``filter(list, …)[0]`` stops at the first hit, ``x and false`` never evaluates ``x``, ``1 % 0`` is
refused even where it is never reached. The passes, their order and their conditions are those of the package
``optimizer`` of expr-lang 1.17.7.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlplat.argo.expressions import natures, operators, syntax
from mlplat.argo.expressions.checker import Natures
from mlplat.argo.expressions.natures import UNKNOWN
from mlplat.argo.expressions.syntax import Binary, Builtin, ConstantValue, Expression, Literal

Pass = Callable[[Expression, Natures], "Expression | None"]


def optimize(root: Expression, natures: Natures) -> Expression:
    """Rewrite a tree.

    Args:
        root: the tree.
        natures: the types of its parts; gets those of the new parts.

    Returns:
        The tree to evaluate; the same one when there is nothing to rewrite.

    Raises:
        ExpressionError: a constant part has no value.
    """
    for one in _PASSES:
        root = _walk(root, natures, one)
        while one is _fold and (folded := _walk(root, natures, one)) is not root:
            root = folded
    return root


def _walk(node: Expression, natures: Natures, rewrite: Pass) -> Expression:
    if isinstance(node, Binary):
        return _walk_spine(node, natures, rewrite)
    return _visited(_rebuilt(node, natures, rewrite), natures, rewrite)


def _walk_spine(node: Binary, natures: Natures, rewrite: Pass) -> Expression:
    spine = [node]
    while isinstance(spine[-1].left, Binary):
        spine.append(spine[-1].left)
    left = _walk(spine[-1].left, natures, rewrite)
    for part in reversed(spine):
        right = _walk(part.right, natures, rewrite)
        same = left is part.left and right is part.right
        left = _visited(
            part if same else _typed(Binary(part.operator, left, right), part, natures), natures, rewrite
        )
    return left


def _visited(node: Expression, natures: Natures, rewrite: Pass) -> Expression:
    while True:
        changed = rewrite(node, natures)
        if changed is None:
            return node
        natures.setdefault(changed, natures.get(node, UNKNOWN))
        node = changed
        if rewrite is not _fold:
            return node


def _typed(node: Expression, old: Expression, natures: Natures) -> Expression:
    if old in natures:
        natures[node] = natures[old]
    return node


def _rebuilt(node: Expression, natures: Natures, rewrite: Pass) -> Expression:  # noqa: C901
    """Return a node whose parts went through a pass."""

    def go(part: Any) -> Any:
        return None if part is None else _walk(part, natures, rewrite)

    def each(parts: tuple[Expression, ...]) -> tuple[Expression, ...]:
        return tuple(go(part) for part in parts)

    match node:
        case syntax.MemberAccess(target, key, optional):
            new: Expression = syntax.MemberAccess(go(target), go(key), optional)
        case syntax.Slice(target, start, end):
            new = syntax.Slice(go(target), go(start), go(end))
        case syntax.Chain(body):
            new = syntax.Chain(go(body))
        case syntax.CallNode(callee, arguments):
            new = syntax.CallNode(go(callee), each(arguments))
        case Builtin(name, arguments, mapped, strict):
            new = Builtin(name, each(arguments), go(mapped), strict)
        case syntax.Predicate(body):
            new = syntax.Predicate(go(body))
        case syntax.Unary(operator, operand):
            new = syntax.Unary(operator, go(operand))
        case syntax.Conditional(condition, then, otherwise):
            new = syntax.Conditional(go(condition), go(then), go(otherwise))
        case syntax.Array(items):
            new = syntax.Array(each(items))
        case syntax.Map(pairs):
            new = syntax.Map(tuple((go(key), go(value)) for key, value in pairs))
        case syntax.Let(name, value, body):
            new = syntax.Let(name, go(value), go(body))
        case syntax.Sequence(items):
            new = syntax.Sequence(each(items))
        case _:
            return node
    old, made = syntax.children(node), syntax.children(new)
    if all(rewrite is other for rewrite, other in zip(old, made, strict=True)):
        return node
    return _typed(new, node, natures)


def _is(node: Expression, kind: type) -> bool:
    return isinstance(node, Literal) and type(node.value) is kind


def _in_array(node: Expression, natures: Natures) -> Expression | None:
    if not (isinstance(node, Binary) and node.operator == "in" and isinstance(node.right, syntax.Array)):
        return None
    items = node.right.items
    for kind in (int, str):
        if kind is int and natures.get(node.left, UNKNOWN).kind != "int":
            continue
        if items and all(_is(item, kind) for item in items):
            values = frozenset(item.value for item in items if isinstance(item, Literal))
            return Binary("in", node.left, ConstantValue(values))
    return None


def _fold(node: Expression, known: Natures) -> Expression | None:
    match node:
        case syntax.Unary(operator, Literal(value)):
            return _folded_unary(operator, value)
        case Binary():
            return _folded_binary(node)
        case syntax.Array(items) if items and all(
            isinstance(item, Literal) and item.value is not None for item in items
        ):
            known[constant := ConstantValue([item.value for item in items if isinstance(item, Literal)])] = (
                natures.ARRAY
            )
            return constant
        case Builtin(
            "filter", (Builtin("filter", (inner, syntax.Predicate(first))), syntax.Predicate(second))
        ):
            return Builtin("filter", (inner, syntax.Predicate(Binary("&&", first, second))))
    return None


def _folded_unary(operator: str, value: Any) -> Expression | None:
    if operator in ("!", "not"):
        return Literal(not value) if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return Literal(operators.negate(value) if operator == "-" else value)


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operators.add,
    "-": operators.subtract,
    "*": operators.multiply,
    "/": operators.divide,
    "**": operators.power,
    "^": operators.power,
}


def _folded_binary(node: Binary) -> Expression | None:
    operator = node.operator
    if operator in ("and", "&&", "or", "||"):
        return _folded_logic(node, neutral=operator in ("and", "&&"))
    if not (isinstance(node.left, Literal) and isinstance(node.right, Literal)):
        return None
    left, right = node.left.value, node.right.value
    kinds = {type(left), type(right)}
    if operator == "==":
        return Literal(left == right) if kinds in ({int}, {str}, {bool}) else None
    if operator == "%" and kinds == {int}:
        return Literal(operators.remainder(left, right))
    if operator in _ARITHMETIC and (kinds <= {int, float} or (operator == "+" and kinds == {str})):
        return Literal(_ARITHMETIC[operator](left, right))
    return None


def _folded_logic(node: Binary, *, neutral: bool) -> Expression | None:
    sides = [
        side.value if _is(side, bool) and isinstance(side, Literal) else None
        for side in (node.left, node.right)
    ]
    if sides[0] is neutral:
        return node.right
    if sides[1] is neutral:
        return node.left
    return Literal(not neutral) if (not neutral) in sides else None


def _in_range(node: Expression, natures: Natures) -> Expression | None:
    if not (
        isinstance(node, Binary) and node.operator == "in" and natures.get(node.left, UNKNOWN).kind == "int"
    ):
        return None
    match node.right:
        case Binary("..", Literal(int()) as low, Literal(int()) as high):
            return Binary("and", Binary(">=", node.left, low), Binary("<=", node.left, high))
    return None


def _uses_index(node: Expression) -> bool:
    stack = [node]
    while stack:
        part = stack.pop()
        if isinstance(part, syntax.Pointer) and part.name == "index":
            return True
        stack.extend(syntax.children(part))
    return False


def _filter_map(node: Expression, _: Natures) -> Expression | None:
    match node:
        case Builtin("map", (Builtin("filter", arguments, None), syntax.Predicate(body) as predicate)):
            return None if _uses_index(predicate) else Builtin("filter", arguments, body)
    return None


def _filter_length(node: Expression, _: Natures) -> Expression | None:
    match node:
        case Builtin("len", (Builtin("filter", arguments),)):
            return Builtin("count", arguments)
    return None


def _filter_end(name: str, position: int, target: str) -> Pass:
    def run(node: Expression, _: Natures) -> Expression | None:
        match node:
            case syntax.MemberAccess(Builtin("filter", arguments, mapped), Literal(int(index)), False):
                return Builtin(target, arguments, mapped, strict=True) if index == position else None
            case Builtin(function, (Builtin("filter", arguments, mapped),)) if function == name:
                return Builtin(target, arguments, mapped)
        return None

    return run


_COMBINED = {
    ("all", "and"): "and",
    ("all", "&&"): "&&",
    ("any", "or"): "or",
    ("any", "||"): "||",
    ("none", "and"): "or",
    ("none", "&&"): "||",
}


def _combined_predicates(node: Expression, natures: Natures) -> Expression | None:
    match node:
        case Binary(
            operator,
            Builtin(name, (items, syntax.Predicate(first))),
            Builtin(other, (others, syntax.Predicate(second))),
        ) if name == other and (name, operator) in _COMBINED:
            if natures.get(items, UNKNOWN).name != natures.get(others, UNKNOWN).name or not _alike(
                items, others
            ):
                return None
            body: Expression = Binary(_COMBINED[name, operator], first, second)
            return Builtin(name, (items, syntax.Predicate(_combined_predicates(body, natures) or body)))
    return None


def _alike(left: Expression, right: Expression) -> bool:
    if type(left) is not type(right):
        return False
    for name in ("value", "name", "operator", "optional"):
        first, second = getattr(left, name, None), getattr(right, name, None)
        if not isinstance(first, Expression) and (type(first) is not type(second) or first != second):
            return False
    parts, others = syntax.children(left), syntax.children(right)
    return len(parts) == len(others) and all(map(_alike, parts, others))


def _sum_array(node: Expression, natures: Natures) -> Expression | None:
    match node:
        case Builtin("sum", (syntax.Array(items),)) if len(items) >= 2:
            total = items[-1]
            for item in reversed(items[:-1]):
                total = Binary("+", item, total)
                natures[total] = natures.get(node, UNKNOWN)
            return total
    return None


def _sum_map(node: Expression, _: Natures) -> Expression | None:
    match node:
        case Builtin("sum", (Builtin("map", (items, predicate)),)):
            return Builtin("sum", (items, predicate))
    return None


_PASSES: tuple[Pass, ...] = (
    _in_array,
    _fold,
    _in_range,
    _filter_map,
    _filter_length,
    _filter_end("last", -1, "findLast"),
    _filter_end("first", 0, "find"),
    _combined_predicates,
    _sum_array,
    _sum_map,
)
