"""Checks the types of an expression before it runs, as expr-lang's compiler does.

Argo compiles each expression with its variables, so what does not fit together is refused although it would never be
reached: ``true ? 1 : unknown`` and ``1 == 'a'``. What variables hold below their first name is only known at run time.

The rules are those of ``checker.go`` of expr-lang 1.17.7. Two of them are surprising: the arguments of a function of
unknown type (every ``sprig.…``) are not looked at, and neither are the bounds of a slice of something unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mlplat.argo import goregexp
from mlplat.argo.expressions import budget, natures, syntax
from mlplat.argo.expressions.natures import (
    ANY,
    ANY_MAP,
    ARRAY,
    BOOL,
    DURATION,
    FLOAT,
    FLOATS,
    INT,
    INTS,
    LOCATION,
    MAP,
    NIL,
    STRING,
    STRINGS,
    TIME,
    UNKNOWN,
    Nature,
    array_of,
    function,
)
from mlplat.argo.expressions.syntax import Expression, ExpressionError

Natures = dict[Expression, Nature]


def check(root: Expression, environment: Mapping[str, Nature]) -> Natures:
    """Check the types of an expression.

    Args:
        root: the tree.
        environment: the types of the names that it can use.

    Returns:
        The type of each part that was looked at.

    Raises:
        ExpressionError: a name is unknown, or types do not fit.
    """
    checker = _Checker(environment)
    checker.visit(root)
    return checker.natures


class _Scope:
    """What ``#`` means within a predicate."""

    def __init__(self, collection: Nature, pointers: Mapping[str, Nature]) -> None:
        self.collection = collection
        self.pointers = pointers


class _Checker:
    def __init__(self, environment: Mapping[str, Nature]) -> None:
        self.environment = environment
        self.natures: Natures = {}
        self.scopes: list[_Scope] = []
        self.variables: list[tuple[str, Nature]] = []

    def visit(self, node: Expression) -> Nature:
        nature = self._visit(node)
        self.natures[node] = nature
        return nature

    def _visit(self, node: Expression) -> Nature:  # noqa: C901
        match node:
            case syntax.Literal(value):
                return NIL if value is None else natures.of(value)
            case syntax.Identifier(name):
                return self.identifier(name)
            case syntax.Pointer(name):
                return self.pointer(name)
            case syntax.Unary(operator, operand):
                return _unary(operator, self.visit(operand))
            case syntax.Binary():
                return self.binary(node)
            case syntax.Chain(body):
                return self.visit(body)
            case syntax.MemberAccess():
                return self.member(node)
            case syntax.Slice():
                return self.slice(node)
            case syntax.CallNode():
                return self.call(node)
            case syntax.Builtin():
                return self.builtin(node)
            case syntax.Predicate(body):
                return self.visit(body)
            case syntax.Conditional():
                return self.conditional(node)
            case syntax.Array(items):
                return self.array(items)
            case syntax.Map(pairs):
                for pair in pairs:
                    for part in pair:
                        self.visit(part)
                return MAP
            case syntax.Let():
                return self.let(node)
            case syntax.Sequence(items):
                return [self.visit(item) for item in items][-1]
        raise AssertionError(f"no rule for {type(node).__name__}")

    def identifier(self, name: str) -> Nature:
        for variable, nature in reversed(self.variables):
            if variable == name:
                return nature
        if name == "$env":
            return UNKNOWN
        return self.name(name, builtins=True)

    def name(self, name: str, *, builtins: bool, strict: bool = True) -> Nature:
        nature = self.environment.get(name)
        if nature is not None:
            return nature
        if builtins and (name in syntax.FUNCTIONS or name in syntax.PREDICATES):
            return natures.FUNCTION
        if strict:
            raise ExpressionError(f"unknown name {name}")
        return UNKNOWN

    def pointer(self, name: str) -> Nature:
        if not self.scopes:
            raise ExpressionError("cannot use pointer accessor outside predicate")
        scope = self.scopes[-1]
        if name == "":
            return UNKNOWN if scope.collection.is_unknown else scope.collection.elements()
        if name not in scope.pointers:
            raise ExpressionError(f"unknown pointer #{name}")
        return scope.pointers[name]

    def binary(self, node: syntax.Binary) -> Nature:
        spine = [node]
        while isinstance(spine[-1].left, syntax.Binary):
            spine.append(spine[-1].left)
        left = self.visit(spine[-1].left)
        for one in reversed(spine):
            right = self.visit(one.right)
            left = _binary(one, left, right)
            self.natures[one] = left
        return left

    def member(self, node: syntax.MemberAccess) -> Nature:
        key = node.key.value if isinstance(node.key, syntax.Literal) else None
        if isinstance(node.target, syntax.Identifier) and node.target.name == "$env":
            if isinstance(key, str):
                return self.name(key, builtins=False, strict=not node.optional)
            return UNKNOWN
        base, index = self.visit(node.target), self.visit(node.key)
        if base.is_unknown:
            return UNKNOWN
        if isinstance(key, str):
            if base.is_nil:
                raise ExpressionError(f"type nil has no field {key}")
            method = natures.METHODS.get(base.name, {}).get(key)
            if method is not None:
                return method[0]
        if base.kind == "map":
            if not index.assignable(base.key()) and not index.is_unknown:
                raise ExpressionError(f"cannot use {index.label} to get an element from {base.label}")
            return base.elements()
        if base.is_array:
            if not index.is_integer and not index.is_unknown:
                raise ExpressionError(
                    f"array elements can only be selected using an integer (got {index.label})"
                )
            return base.elements()
        if isinstance(key, str):
            raise ExpressionError(f"type {base.label} has no field {key}")
        raise ExpressionError(f"type {base.label}[{index.label}] is undefined")

    def slice(self, node: syntax.Slice) -> Nature:
        nature = self.visit(node.target)
        if nature.is_unknown:
            return UNKNOWN
        if not nature.is_array and nature.kind != "string":
            raise ExpressionError(f"cannot slice {nature.label}")
        for bound in (node.start, node.end):
            if bound is not None:
                index = self.visit(bound)
                if not index.is_integer and not index.is_unknown:
                    raise ExpressionError(f"non-integer slice index {index.label}")
        return nature

    def call(self, node: syntax.CallNode) -> Nature:
        callee = self.visit(node.callee)
        if callee.is_unknown:
            return UNKNOWN
        name = "function"
        if isinstance(node.callee, syntax.Identifier):
            name = node.callee.name
        elif isinstance(node.callee, syntax.MemberAccess) and isinstance(node.callee.key, syntax.Literal):
            name = str(node.callee.key.value)
        if callee.is_nil:
            raise ExpressionError(f"{name} is nil; cannot call nil as function")
        if callee.signature is None:
            raise ExpressionError(f"{callee.label} is not callable")
        return self.arguments(name, callee, node.arguments)

    def arguments(self, name: str, callee: Nature, arguments: Sequence[Expression]) -> Nature:
        assert callee.signature is not None
        parameters, result = callee.signature
        least = len(parameters) - callee.variadic
        if len(arguments) < least:
            raise ExpressionError(f"not enough arguments to call {name}")
        if len(arguments) > least and not callee.variadic:
            raise ExpressionError(f"too many arguments to call {name}")
        for position, argument in enumerate(arguments):
            argument_nature, parameter = self.visit(argument), parameters[min(position, len(parameters) - 1)]
            if argument_nature.is_integer and parameter.is_integer:
                continue
            if argument_nature.is_nil:
                if parameter.kind in ("ptr", "interface"):
                    continue
                raise ExpressionError(f"cannot use nil as argument (type {parameter.label}) to call {name}")
            if not argument_nature.assignable(parameter) and not argument_nature.is_unknown:
                raise ExpressionError(
                    f"cannot use {argument_nature.label} as argument (type {parameter.label}) to call {name}"
                )
        return result

    def builtin(self, node: syntax.Builtin) -> Nature:
        if node.name in syntax.PREDICATES:
            return self.over_elements(node)
        if node.name in self.environment:
            raise ExpressionError(f"{self.environment[node.name].label} is not callable")
        if node.name == "get":
            return self.get(node)
        overloads = _OVERLOADS.get(node.name)
        if overloads is None:
            given = [self.visit(argument) for argument in node.arguments]
            return _VALIDATORS[node.name](node.name, given)
        problem: ExpressionError | None = None
        for overload in overloads:
            try:
                return self.arguments(node.name, overload, node.arguments)
            except ExpressionError as error:
                problem = error
        assert problem is not None
        raise problem

    def get(self, node: syntax.Builtin) -> Nature:
        if len(node.arguments) != 2:
            raise ExpressionError(f"invalid number of arguments (expected 2, got {len(node.arguments)})")
        base, key = (self.visit(argument) for argument in node.arguments)
        if base.is_unknown:
            return UNKNOWN
        if base.is_array:
            if not key.is_integer and not key.is_unknown:
                raise ExpressionError(f"non-integer slice index {key.label}")
            return base.elements()
        if base.kind == "map":
            if not key.assignable(base.key()) and not key.is_unknown:
                raise ExpressionError(f"cannot use {key.label} to get an element from {base.label}")
            return base.elements()
        raise ExpressionError(f"type {base.label} does not support indexing")

    def over_elements(self, node: syntax.Builtin) -> Nature:
        name, arguments = node.name, node.arguments
        collection = self.visit(arguments[0])
        if not collection.is_array and not collection.is_unknown:
            raise ExpressionError(f"builtin {name} takes only array (got {collection.label})")
        if len(arguments) == 1:
            return INT if name == "count" else UNKNOWN if collection.is_unknown else collection.elements()
        pointers = {"map": {"index": INT}, "reduce": {"index": INT, "acc": UNKNOWN}}.get(name, {})
        self.scopes.append(_Scope(collection, pointers))
        body = self.visit(arguments[1])
        self.scopes.pop()
        for argument in arguments[2:]:
            self.visit(argument)
        if body.is_nil:
            raise ExpressionError("predicate should has one input and one output param")
        if name in _TESTS and body.kind != "bool" and not body.is_unknown:
            raise ExpressionError(f"predicate should return boolean (got {body.label})")
        return _element_result(name, collection, body)

    def conditional(self, node: syntax.Conditional) -> Nature:
        condition = self.visit(node.condition)
        if condition.kind != "bool" and not condition.is_unknown:
            raise ExpressionError(f"non-bool expression (type {condition.label}) used as condition")
        then, otherwise = self.visit(node.then), self.visit(node.otherwise)
        if then.is_nil or otherwise.is_nil:
            return otherwise if then.is_nil else then
        if not then.assignable(otherwise):
            return UNKNOWN
        if then.is_array and otherwise.is_array:
            first, second = then.elements(), otherwise.elements()
            if not first.assignable(second) or not second.assignable(first):
                return ARRAY
        return then

    def array(self, items: Sequence[Expression]) -> Nature:
        found = [self.visit(item) for item in items]
        kinds = {"invalid" if one.is_nil else one.kind for one in found}
        if len(kinds) > 1:
            return ARRAY
        return array_of(found[-1] if found else UNKNOWN)

    def let(self, node: syntax.Let) -> Nature:
        name = node.name
        if (
            name in self.environment
            or name in syntax.FUNCTIONS
            or name in syntax.PREDICATES
            or any(name == variable for variable, _ in self.variables)
        ):
            raise ExpressionError(f"cannot redeclare {name}")
        self.variables.append((name, self.visit(node.value)))
        nature = self.visit(node.body)
        self.variables.pop()
        return nature


def _unary(operator: str, operand: Nature) -> Nature:
    if operator in ("!", "not"):
        if operand.kind == "bool" or operand.is_unknown:
            return BOOL
    elif operand.is_number:
        return operand
    elif operand.is_unknown:
        return UNKNOWN
    raise ExpressionError(f"invalid operation: {operator} (mismatched type {operand.label})")


_Kind = Callable[[Nature], bool]


def _is_time(nature: Nature) -> bool:
    return nature.name == TIME.name


def _is_duration(nature: Nature) -> bool:
    return nature.name == DURATION.name


def _is_bool(nature: Nature) -> bool:
    return nature.kind == "bool"


def _is_string(nature: Nature) -> bool:
    return nature.kind == "string"


def _is_number(nature: Nature) -> bool:
    return nature.is_number


def _is_integer(nature: Nature) -> bool:
    return nature.is_integer


def _perhaps(left: Nature, right: Nature, *kinds: _Kind) -> bool:
    if left.is_unknown:
        return right.is_unknown or any(kind(right) for kind in kinds)
    return right.is_unknown and any(kind(left) for kind in kinds)


def _binary(node: syntax.Binary, left: Nature, right: Nature) -> Nature:
    result = _RULES[node.operator](left, right)
    if (
        node.operator == "matches"
        and isinstance(node.right, syntax.Literal)
        and isinstance(node.right.value, str)
    ):
        try:
            goregexp.check(node.right.value)
        except goregexp.RegexpError as error:
            raise budget.of_pattern(error) from None
    if result is None:
        raise ExpressionError(
            f"invalid operation: {node.operator} (mismatched types {left.label} and {right.label})"
        )
    return result


def _equality(left: Nature, right: Nature) -> Nature | None:
    return BOOL if left.comparable(right) else None


def _logic(left: Nature, right: Nature) -> Nature | None:
    return BOOL if (_is_bool(left) and _is_bool(right)) or _perhaps(left, right, _is_bool) else None


def _order(left: Nature, right: Nature) -> Nature | None:
    kinds = (_is_number, _is_string, _is_time, _is_duration)
    both = any(kind(left) and kind(right) for kind in kinds)
    return BOOL if both or _perhaps(left, right, *kinds) else None


def _promoted(left: Nature, right: Nature) -> Nature:
    return FLOAT if "float64" in (left.name, right.name) else INT


def _plus(left: Nature, right: Nature) -> Nature | None:
    if left.is_number and right.is_number:
        return _promoted(left, right)
    if _is_string(left) and _is_string(right):
        return STRING
    if _is_duration(left) and _is_duration(right):
        return DURATION
    if (_is_time(left) and _is_duration(right)) or (_is_duration(left) and _is_time(right)):
        return TIME
    return UNKNOWN if _perhaps(left, right, _is_number, _is_string, _is_time, _is_duration) else None


def _minus(left: Nature, right: Nature) -> Nature | None:
    if left.is_number and right.is_number:
        return _promoted(left, right)
    if _is_time(left) and _is_duration(right):
        return TIME
    if (_is_time(left) and _is_time(right)) or (_is_duration(left) and _is_duration(right)):
        return DURATION
    return UNKNOWN if _perhaps(left, right, _is_number, _is_time, _is_duration) else None


def _times(left: Nature, right: Nature) -> Nature | None:
    if left.is_number and right.is_number:
        return _promoted(left, right)
    if all(one.is_number or _is_duration(one) for one in (left, right)):
        return DURATION
    return UNKNOWN if _perhaps(left, right, _is_number, _is_duration) else None


def _quotient(left: Nature, right: Nature) -> Nature | None:
    both = left.is_number and right.is_number
    return FLOAT if both or _perhaps(left, right, _is_number) else None


def _integers(result: Nature) -> Callable[[Nature, Nature], Nature | None]:
    def rule(left: Nature, right: Nature) -> Nature | None:
        both = left.is_integer and right.is_integer
        return result if both or _perhaps(left, right, _is_integer) else None

    return rule


def _strings(left: Nature, right: Nature) -> Nature | None:
    both = _is_string(left) and _is_string(right)
    return BOOL if both or _perhaps(left, right, _is_string) else None


def _membership(left: Nature, right: Nature) -> Nature | None:
    if (_is_string(left) or left.is_unknown) and right.kind == "struct":
        return BOOL
    if right.kind == "map":
        if not left.is_unknown and not left.assignable(right.key()):
            raise ExpressionError(f"cannot use {left.label} as type {right.key().label} in map key")
        return BOOL
    if right.is_array:
        if not left.comparable(right.elements()):
            raise ExpressionError(f"cannot use {left.label} as type {right.elements().label} in array")
        return BOOL
    return BOOL if right.is_unknown or (left.is_unknown and _is_string(right)) else None


def _coalesced(left: Nature, right: Nature) -> Nature:
    if left.is_nil or right.is_nil:
        return right if left.is_nil else left
    return left if right.assignable(left) else UNKNOWN


_RULES: dict[str, Callable[[Nature, Nature], Nature | None]] = {
    "==": _equality,
    "!=": _equality,
    "or": _logic,
    "||": _logic,
    "and": _logic,
    "&&": _logic,
    "<": _order,
    ">": _order,
    "<=": _order,
    ">=": _order,
    "+": _plus,
    "-": _minus,
    "*": _times,
    "/": _quotient,
    "**": _quotient,
    "^": _quotient,
    "%": _integers(INT),
    "..": _integers(array_of(INT)),
    "in": _membership,
    "matches": _strings,
    "contains": _strings,
    "startsWith": _strings,
    "endsWith": _strings,
    "??": _coalesced,
}

_TESTS = frozenset(
    ("all", "none", "any", "one", "filter", "count", "find", "findLast", "findIndex", "findLastIndex")
)


def _element_result(name: str, collection: Nature, body: Nature) -> Nature:
    if name in ("all", "none", "any", "one"):
        return BOOL
    if name in ("count", "findIndex", "findLastIndex"):
        return INT
    if name == "filter":
        return ARRAY if collection.is_unknown else array_of(collection.elements())
    if name == "map":
        return array_of(body)
    if name in ("find", "findLast"):
        return UNKNOWN if collection.is_unknown else collection.elements()
    if name == "groupBy":
        return Nature(natures.GROUPS.name, "map", array_of(collection.elements()))
    return collection if name == "sortBy" else body


def _count(arguments: Sequence[Nature], expected: int) -> None:
    if len(arguments) != expected:
        raise ExpressionError(f"invalid number of arguments (expected {expected}, got {len(arguments)})")


_Validator = Callable[[str, Sequence[Nature]], Nature]


def _one_of(result: Nature | None, *kinds: str) -> _Validator:
    """Return the rule of a function with one argument of some kinds; without a result, it is of the same type."""

    def validate(name: str, arguments: Sequence[Nature]) -> Nature:
        _count(arguments, 1)
        argument = arguments[0]
        if not argument.is_unknown and argument.kind not in kinds:
            raise ExpressionError(f"invalid argument for {name} (type {argument.label})")
        return ANY if result is None and argument.is_unknown else result or natures.named(argument.name)

    return validate


def _end(name: str, arguments: Sequence[Nature]) -> Nature:
    _count(arguments, 1)
    if arguments[0].is_unknown:
        return ANY
    if not arguments[0].is_array:
        raise ExpressionError(f"cannot get {name} element from {arguments[0].label}")
    return natures.named(arguments[0].name).elements()


def _take(_: str, arguments: Sequence[Nature]) -> Nature:
    _count(arguments, 2)
    if not arguments[0].is_array and not arguments[0].is_unknown:
        raise ExpressionError(f"cannot take from {arguments[0].label}")
    if not arguments[1].is_unknown and arguments[1].kind not in ("int", "int64"):
        raise ExpressionError(f"cannot take {arguments[1].label} elements")
    return ANY if arguments[0].is_unknown else natures.named(arguments[0].name)


def _aggregate(name: str, arguments: Sequence[Nature]) -> Nature:
    if not arguments:
        raise ExpressionError(f"not enough arguments to call {name}")
    for argument in arguments:
        if argument.is_unknown or argument.is_array:
            return ANY
        if argument.kind not in ("int", "int64", "uint8", "float64"):
            raise ExpressionError(f"invalid argument for {name} (type {argument.label})")
    return arguments[0]


def _concat(_: str, arguments: Sequence[Nature]) -> Nature:
    if not arguments:
        raise ExpressionError("invalid number of arguments (expected at least 1, got 0)")
    for argument in arguments:
        if not argument.is_array and not argument.is_unknown:
            raise ExpressionError(f"cannot concat {argument.label}")
    return ARRAY


def _now(_: str, arguments: Sequence[Nature]) -> Nature:
    if arguments and (len(arguments) > 1 or arguments[0].name != LOCATION.name):
        raise ExpressionError(f"invalid number of arguments (expected 0, got {len(arguments)})")
    return TIME


def _date(_: str, arguments: Sequence[Nature]) -> Nature:
    if not arguments:
        raise ExpressionError("invalid number of arguments (expected at least 1, got 0)")
    if len(arguments) - (arguments[0].name == LOCATION.name) > 3:
        raise ExpressionError("invalid number of arguments (expected at most 3)")
    return TIME


_ROUNDED = _one_of(FLOAT, "int", "int64", "uint8", "float64")
_LISTED = _one_of(ARRAY, "slice", "array")
_OF_MAP = _one_of(ARRAY, "map")

_VALIDATORS: dict[str, _Validator] = {
    "len": _one_of(INT, "slice", "array", "map", "string"),
    "abs": _one_of(None, "int", "int64", "uint8", "float64"),
    "ceil": _ROUNDED,
    "floor": _ROUNDED,
    "round": _ROUNDED,
    "int": _one_of(INT, "int", "int64", "uint8", "float64", "string"),
    "float": _one_of(FLOAT, "int", "int64", "uint8", "float64", "string"),
    "max": _aggregate,
    "min": _aggregate,
    "mean": _aggregate,
    "median": _aggregate,
    "now": _now,
    "date": _date,
    "first": _end,
    "last": _end,
    "take": _take,
    "keys": _OF_MAP,
    "values": _OF_MAP,
    "toPairs": _OF_MAP,
    "fromPairs": _one_of(ANY_MAP, "slice", "array"),
    "reverse": _LISTED,
    "uniq": _LISTED,
    "flatten": _LISTED,
    "concat": _concat,
}

_TWO_INTEGERS = (function(INT, INT, INT),)
_TEXT = (function(STRING, STRING),)
_TWO_TEXTS = (function(STRING, STRING, STRING), function(STRING, STRING))
_SPLIT = (function(STRINGS, STRING, STRING), function(STRINGS, STRING, STRING, INT))

_OVERLOADS: dict[str, tuple[Nature, ...]] = {
    "type": (function(STRING, ANY),),
    "string": (function(STRING, ANY),),
    "toJSON": (function(STRING, ANY),),
    "fromJSON": (function(ANY, STRING),),
    "trim": (function(STRING, STRING), function(STRING, STRING, STRING)),
    "trimPrefix": _TWO_TEXTS,
    "trimSuffix": _TWO_TEXTS,
    "upper": _TEXT,
    "lower": _TEXT,
    "toBase64": _TEXT,
    "fromBase64": _TEXT,
    "split": _SPLIT,
    "splitAfter": _SPLIT,
    "replace": (
        function(STRING, STRING, STRING, STRING, INT),
        function(STRING, STRING, STRING, STRING),
    ),
    "repeat": (function(STRING, STRING, INT),),
    "join": (
        function(STRING, STRINGS, STRING),
        function(STRING, ARRAY, STRING),
        function(STRING, ARRAY),
        function(STRING, STRINGS),
    ),
    "indexOf": (function(INT, STRING, STRING),),
    "lastIndexOf": (function(INT, STRING, STRING),),
    "hasPrefix": (function(BOOL, STRING, STRING),),
    "hasSuffix": (function(BOOL, STRING, STRING),),
    "duration": (function(DURATION, STRING),),
    "timezone": (function(LOCATION, STRING),),
    "sort": (
        *(function(ARRAY, one, STRING) for one in (ARRAY, INTS, FLOATS, STRINGS)),
        *(function(ARRAY, one) for one in (ARRAY, INTS, FLOATS, STRINGS)),
    ),
    **dict.fromkeys(("bitand", "bitor", "bitxor", "bitnand", "bitshl", "bitshr", "bitushr"), _TWO_INTEGERS),
    "bitnot": (function(INT, INT),),
}
