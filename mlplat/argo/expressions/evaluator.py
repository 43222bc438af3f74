"""Evaluates the tree of an expression.

A tree is checked, optimized and turned into nested closures once for the types of the variables that it names; each
closure takes a :class:`Frame` and yields a value of Go (:mod:`mlplat.argo.govalues`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import lru_cache
from typing import Any

from mlplat.argo import goregexp, gotime, govalues
from mlplat.argo.expressions import budget, checker, natures, operators, optimizer, syntax
from mlplat.argo.expressions.budget import LARGE, Meter
from mlplat.argo.expressions.functions import BUILTINS, COUNTED, forget_json
from mlplat.argo.expressions.natures import UNKNOWN, Nature
from mlplat.argo.expressions.operators import truth
from mlplat.argo.expressions.sprig import CHANGING
from mlplat.argo.expressions.syntax import Expression, ExpressionError
from mlplat.argo.govalues import AnyMap, is_nil, type_of


class Frame:
    """What names and pointers mean at one place of an expression."""

    __slots__ = ("accumulator", "element", "index", "left", "meter", "names", "variables")

    def __init__(
        self, names: Mapping[str, Any], meter: Meter, variables: Mapping[str, Any] | None = None
    ) -> None:
        self.names = names
        self.meter = meter
        self.variables = variables
        self.element: Any = None
        self.index = 0
        self.accumulator: Any = None
        self.left: Any = None


class _MapFrame(Frame):
    """A frame of a loop over a map: it turns as often as the map has keys, but has no elements."""

    __slots__ = ()

    @property
    def element(self) -> Any:
        raise ExpressionError("reflect: call of reflect.Value.Index on map Value")

    @element.setter
    def element(self, value: Any) -> None:
        pass


Evaluator = Callable[[Frame], Any]


def evaluate(root: Expression, environment: Mapping[str, Any]) -> Any:
    """Evaluate an expression.

    Args:
        root: the tree, from :func:`mlplat.argo.expressions.syntax.parse`.
        environment: variables and functions by name.

    Returns:
        The value.

    Raises:
        ExpressionError: a name is unknown, types do not fit, or an operation is not defined for its operands.
    """
    try:
        found = _compiled(root)
        if found.changes_maps:
            return _evaluate_apart(found, environment)
        return found.program(environment)(Frame(environment, Meter()))
    except ExpressionError:
        raise
    except RecursionError:
        raise ExpressionError("expression is nested too deeply") from None
    except (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError) as error:
        raise ExpressionError(str(error)) from error


_MISSING = object()


class _Compiled:
    """A tree, and the programs that were made of it for variables of some types."""

    __slots__ = ("changes_maps", "names", "programs", "root")

    def __init__(self, root: Expression) -> None:
        self.root = root
        self.names = _names(root)
        self.changes_maps = _changes_maps(root)
        self.programs: dict[tuple[Nature | None, ...], Evaluator | ExpressionError] = {}

    def program(self, environment: Mapping[str, Any]) -> Evaluator:
        """Return the program for the variables of an environment.

        Raises:
            ExpressionError: a name is unknown, or types do not fit.
        """
        values = [environment.get(name, _MISSING) for name in self.names]
        types = tuple(
            [
                natures.STRING if type(value) is str else None if value is _MISSING else natures.of(value)
                for value in values
            ]
        )
        program = self.programs.get(types)
        if program is None:
            program = self.programs[types] = self.compile(types)
        if isinstance(program, ExpressionError):
            raise program.with_traceback(None)
        return program

    def compile(self, types: tuple[Nature | None, ...]) -> Evaluator | ExpressionError:
        known = {name: nature for name, nature in zip(self.names, types, strict=True) if nature is not None}
        try:
            found = checker.check(self.root, known)
            optimized = optimizer.optimize(self.root, found)
            compiler = _LitteredCompiler(found) if _litters(optimized) else _Compiler(found)
            return compiler.compile(optimized)
        except ExpressionError as error:
            return error


@lru_cache(maxsize=4096)
def _compiled(root: Expression) -> _Compiled:
    return _Compiled(root)


def _names(root: Expression) -> tuple[str, ...]:
    """Return the first names of all that an expression could refer to."""
    names: dict[str, None] = {}
    stack = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, (syntax.Identifier, syntax.Builtin, syntax.Let)):
            names.setdefault(node.name)
        elif isinstance(node, syntax.MemberAccess) and isinstance(node.key, syntax.Literal):
            names.setdefault(str(node.key.value))  # which ``$env.name`` refers to
        stack.extend(syntax.children(node))
    return tuple(names)


def _changes_maps(root: Expression) -> bool:
    stack = [root]
    while stack:
        node = stack.pop()
        if (
            isinstance(node, syntax.MemberAccess)
            and isinstance(node.key, syntax.Literal)
            and node.key.value in CHANGING
        ):
            return True
        stack.extend(syntax.children(node))
    return False


def _evaluate_apart(compiled: _Compiled, environment: Mapping[str, Any]) -> Any:
    """Evaluate an expression that changes maps, with maps of its own."""
    own = {name: environment[name] for name in compiled.names if name in environment}
    for name, value in own.items():
        if type(value) is dict and name != "sprig":
            own[name] = deepcopy(value)
    program = compiled.program(own)
    forget_json()
    try:
        return program(Frame(own, Meter()))
    finally:
        forget_json()


class _BrokenChainError(Exception):
    """An optional chain met nil."""


class _Compiler:
    """Turns a tree into closures."""

    def __init__(self, natures: checker.Natures) -> None:
        self.known = natures
        self.variables: list[str] = []
        self.loops = _LOOPS

    def each(self, nodes: tuple[Expression, ...]) -> list[Evaluator]:
        return [self.compile(node) for node in nodes]

    def compile(self, node: Expression) -> Evaluator:  # noqa: C901
        match node:
            case syntax.Literal(value) | syntax.ConstantValue(value):
                return lambda _: value
            case syntax.Identifier(name):
                return self.identifier(name)
            case syntax.Pointer(name):
                return _pointer(name)
            case syntax.MemberAccess():
                return self.member(node)
            case syntax.Slice():
                return self.slice(node)
            case syntax.Chain(body):
                return _chain(self.compile(body))
            case syntax.CallNode():
                return self.call(node)
            case syntax.Builtin(name):
                return self.predicate_builtin(node) if name in syntax.PREDICATES else self.builtin(node)
            case syntax.Predicate(body):
                return self.compile(body)
            case syntax.Unary(operator, operand):
                return _unary(operator, self.compile(operand))
            case syntax.Binary():
                return self.binary(node)
            case syntax.Conditional(condition, then, otherwise):
                return _conditional(self.compile(condition), self.compile(then), self.compile(otherwise))
            case syntax.Array(items):
                return _array(self.operands(items))
            case syntax.Map(pairs):
                return _map(self.operands(tuple(part for pair in pairs for part in pair)))
            case syntax.Let():
                return self.let(node)
            case syntax.Sequence(items):
                steps = self.each(items)
                return lambda frame: [step(frame) for step in steps][-1]
        raise AssertionError(f"no evaluator for {type(node).__name__}")

    def identifier(self, name: str) -> Evaluator:
        if name in self.variables:
            return lambda frame: frame.variables[name] if frame.variables else None
        if name == "$env":
            return lambda frame: frame.names
        return lambda frame: frame.names.get(name)

    def member(self, node: syntax.MemberAccess) -> Evaluator:
        target, optional = self.compile(node.target), node.optional
        fetch = operators.fetch
        if isinstance(node.key, syntax.Literal) and isinstance(node.key.value, str):
            name = node.key.value

            def named(frame: Frame) -> Any:
                container = target(frame)
                if type(container) is dict:
                    return container.get(name)
                if optional and is_nil(container):
                    raise _BrokenChainError
                return fetch(container, name)

            return named
        key = self.compile(node.key)

        def run(frame: Frame) -> Any:
            container = target(frame)
            if optional and is_nil(container):
                raise _BrokenChainError
            return fetch(container, key(frame))

        return run

    def operands(self, nodes: tuple[Expression, ...]) -> Callable[[Frame], list[Any]]:
        """Return what evaluates the operands of one operation."""
        evaluators = self.each(nodes)
        return lambda frame: [evaluator(frame) for evaluator in evaluators]

    def slice(self, node: syntax.Slice) -> Evaluator:
        target = self.compile(node.target)
        start = self.compile(node.start) if node.start else None
        end = self.compile(node.end) if node.end else None

        def run(frame: Frame) -> Any:
            container = target(frame)
            last = end(frame) if end else None
            first = start(frame) if start else None
            if (end and last is None) or (start and first is None):
                raise ExpressionError("invalid operation: int(<nil>)")
            return operators.cut(container, first, last)

        return run

    def call(self, node: syntax.CallNode) -> Evaluator:
        operands = self.operands((*node.arguments, node.callee))

        def run(frame: Frame) -> Any:
            *given, function = operands(frame)
            if function is None:
                raise ExpressionError("invalid operation: cannot call nil")
            if not callable(function):
                raise ExpressionError(
                    f"invalid operation: cannot call non-function of type {type_of(function)}"
                )
            return _metered(frame.meter, function, given)

        return run

    def builtin(self, node: syntax.Builtin) -> Evaluator:
        function, name = BUILTINS[node.name], node.name
        if name == "date" and node.arguments and self.known.get(node.arguments[0], UNKNOWN).is_unknown:
            function = _without_zone
        if name in COUNTED:
            operands = self.operands(node.arguments)

            def counted(frame: Frame) -> Any:
                result = _metered(frame.meter, function, operands(frame))
                frame.meter.grow(govalues.size(result) if isinstance(result, str) else len(result))
                return result

            return counted
        if len(node.arguments) == 1:
            only = self.compile(node.arguments[0])

            def single(frame: Frame) -> Any:
                value = only(frame)
                frame.meter.handle(value)
                return function(value)

            return single
        operands = self.operands(node.arguments)
        return lambda frame: _metered(frame.meter, function, operands(frame))

    def binary(self, node: syntax.Binary) -> Evaluator:
        spine = [node]
        while isinstance(spine[-1].left, syntax.Binary):
            spine.append(spine[-1].left)
        if len(spine) <= _SHALLOW:
            return self.operation(node, self.compile(node.left))
        first = self.compile(spine[-1].left)
        steps = [self.operation(one, lambda frame: frame.left) for one in reversed(spine)]

        def run(frame: Frame) -> Any:
            value = first(frame)
            for step in steps:
                frame.left = value  # which each operation reads before anything else
                value = step(frame)
            return value

        return run

    def operation(self, node: syntax.Binary, left: Evaluator) -> Evaluator:
        right, operator = self.compile(node.right), node.operator
        if operator in ("&&", "and"):
            return lambda frame: right(frame) if truth(left(frame)) else False
        if operator in ("||", "or"):
            return lambda frame: True if truth(left(frame)) else right(frame)
        if operator == "??":
            return lambda frame: right(frame) if is_nil(value := left(frame)) else value
        if operator in ("==", "!="):
            return self.both(left, right, self.equality(node, negate=operator == "!="))
        if operator == "in" and isinstance(node.right, syntax.ConstantValue):
            among = _membership(node.right.value)
            return lambda frame: among(left(frame))
        compute = _OPERATORS[operator]
        if operator in _METERED:
            return self.both_metered(left, right, compute)
        return self.both(left, right, compute)

    def both(self, left: Evaluator, right: Evaluator, compute: Callable[[Any, Any], Any]) -> Evaluator:
        """Return an operation on two values."""
        return lambda frame: compute(left(frame), right(frame))

    def both_metered(
        self, left: Evaluator, right: Evaluator, compute: Callable[[Meter, Any, Any], Any]
    ) -> Evaluator:
        """Return an operation on two values that is counted."""
        return lambda frame: compute(frame.meter, left(frame), right(frame))

    def equality(self, node: syntax.Binary, *, negate: bool) -> Callable[[Any, Any], bool]:
        first, second = self.known.get(node.left, UNKNOWN), self.known.get(node.right, UNKNOWN)
        equal = operators.equal
        if first.name != second.name or first.name not in ("int", "string"):
            return lambda left, right: equal(left, right) is not negate
        wanted = int if first.name == "int" else str

        def typed(left: Any, right: Any) -> bool:
            for value in (left, right):
                if type(value) is not wanted:
                    raise ExpressionError(
                        f"interface conversion: interface {{}} is {type_of(value)}, not {first.name}"
                    )
            return (left == right) is not negate

        return typed

    def let(self, node: syntax.Let) -> Evaluator:
        name, value = node.name, self.compile(node.value)
        self.variables.append(name)
        body = self.compile(node.body)
        self.variables.pop()

        def run(frame: Frame) -> Any:
            inner = Frame(frame.names, frame.meter, {**(frame.variables or {}), name: value(frame)})
            inner.element, inner.index = frame.element, frame.index
            inner.accumulator = frame.accumulator
            return body(inner)

        return run

    def predicate_builtin(self, node: syntax.Builtin) -> Evaluator:
        items = self.compile(node.arguments[0])
        predicate = self.compile(node.arguments[1]) if len(node.arguments) > 1 else None
        extra = self.compile(node.arguments[2]) if len(node.arguments) > 2 else None
        mapped = self.compile(node.mapped) if node.mapped is not None else None
        finish = self.loops[node.name]
        strict = node.strict
        points = len(node.arguments) > 2 and _points(node.arguments[2])

        def run(frame: Frame) -> Any:
            values = items(frame)
            if not isinstance(values, (list, tuple)):
                if not isinstance(values, (str, Mapping, AnyMap)):
                    raise ExpressionError(
                        f"reflect: call of reflect.Value.Len on {govalues.kind_of(values)} Value"
                    )
                if isinstance(values, str):
                    values = [govalues.Uint8(byte) for byte in govalues.to_bytes(values)]
            kind = Frame if isinstance(values, (list, tuple)) else _MapFrame
            inner = kind(frame.names, frame.meter, frame.variables)
            if kind is _MapFrame:
                values = [None] * len(values)
            if extra and values:
                inner.element = values[0]  # what # means in the argument: the loop has begun
            elif points:
                raise ExpressionError("reflect: slice index out of range")
            argument = extra(inner) if extra else None
            return finish(_Loop(inner, values, predicate, mapped, argument, extra is not None, strict))

        return run


_SHALLOW = 50


def _litters(root: Expression) -> bool:
    stack = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, syntax.Builtin) and node.name in ("findLast", "findLastIndex"):
            return True
        stack.extend(syntax.children(node))
    return False


class _LitteredCompiler(_Compiler):
    """Turns a tree with ``findLast`` or ``findLastIndex`` into closures.

    expr-lang 1.17.7 leaves a boolean on its stack for each element that these looked at, below their result. An
    operation with several operands then takes such a boolean for an operand: ``[1, findLast([2], true)]`` is
    ``[true, 2]``. So the operands are kept on a stack here, as they are there.
    """

    def __init__(self, natures: checker.Natures) -> None:
        super().__init__(natures)
        self.loops = {**_LOOPS, **_LITTERING_LOOPS}

    def operands(self, nodes: tuple[Expression, ...]) -> Callable[[Frame], list[Any]]:
        return _from_stack(self.each(nodes))

    def both(self, left: Evaluator, right: Evaluator, compute: Callable[[Any, Any], Any]) -> Evaluator:
        operands = _from_stack([left, right])
        return lambda frame: compute(*operands(frame))

    def both_metered(
        self, left: Evaluator, right: Evaluator, compute: Callable[[Meter, Any, Any], Any]
    ) -> Evaluator:
        operands = _from_stack([left, right])
        return lambda frame: compute(frame.meter, *operands(frame))

    def slice(self, node: syntax.Slice) -> Evaluator:
        evaluators = [self.compile(node.target)]
        evaluators += [self.compile(bound) for bound in (node.end, node.start) if bound is not None]
        operands = _from_stack(evaluators)

        def run(frame: Frame) -> Any:
            container, *bounds = operands(frame)
            end = bounds.pop(0) if node.end else None
            return operators.cut(container, bounds[0] if node.start else None, end)

        return run

    def member(self, node: syntax.MemberAccess) -> Evaluator:
        if node.optional or isinstance(node.key, syntax.Literal):
            return super().member(node)
        operands = _from_stack([self.compile(node.target), self.compile(node.key)])
        return lambda frame: operators.fetch(*operands(frame))


def _from_stack(evaluators: list[Evaluator]) -> Callable[[Frame], list[Any]]:
    count = len(evaluators)

    def run(frame: Frame) -> list[Any]:
        stack = frame.meter.stack
        for evaluator in evaluators:
            stack.append(evaluator(frame))
        return _popped(stack, count)

    return run


def _popped(stack: list[Any], count: int) -> list[Any]:
    values = stack[len(stack) - count :]
    del stack[len(stack) - count :]
    return values


def _metered(meter: Meter, function: Callable[..., Any], arguments: list[Any]) -> Any:
    for argument in arguments:
        if isinstance(argument, (str, list)) and len(argument) > LARGE:
            meter.handle(argument)
    result = function(*arguments)
    if isinstance(result, (str, list)) and len(result) > LARGE:
        meter.handle(result)
    return result


def _points(node: Expression) -> bool:
    """Return whether an expression uses ``#``, outside of predicates of its own."""
    if isinstance(node, syntax.Pointer):
        return node.name == ""
    return any(_points(part) for part in syntax.children(node) if not isinstance(part, syntax.Predicate))


def _without_zone(*arguments: Any) -> Any:
    """``date`` with a first argument of unknown type, of which expr-lang does not pass on a zone."""
    if isinstance(arguments[0], gotime.Zone):
        raise ExpressionError("interface conversion: interface {} is time.Location, not string")
    return BUILTINS["date"](*arguments)


def _pointer(name: str) -> Evaluator:
    if name == "":
        return lambda frame: frame.element
    if name == "index":
        return lambda frame: frame.index
    if name == "acc":
        return lambda frame: frame.accumulator
    raise ExpressionError(f"unknown pointer {name}")


def _chain(body: Evaluator) -> Evaluator:
    def run(frame: Frame) -> Any:
        try:
            value = body(frame)
        except _BrokenChainError:
            return None
        return None if is_nil(value) else value

    return run


def _unary(operator: str, operand: Evaluator) -> Evaluator:
    if operator in ("not", "!"):
        return lambda frame: not truth(operand(frame))
    if operator == "-":
        return lambda frame: operators.negate(operand(frame))
    return operand


def _conditional(condition: Evaluator, then: Evaluator, otherwise: Evaluator) -> Evaluator:
    return lambda frame: then(frame) if truth(condition(frame)) else otherwise(frame)


def _array(items: Callable[[Frame], list[Any]]) -> Evaluator:
    def run(frame: Frame) -> Any:
        values = items(frame)
        frame.meter.grow(len(values))
        return values

    return run


def _map(parts: Callable[[Frame], list[Any]]) -> Evaluator:
    def run(frame: Frame) -> Any:
        values = parts(frame)
        frame.meter.grow(len(values) // 2)
        made: dict[str, Any] = {}
        for key, value in reversed(list(zip(values[::2], values[1::2], strict=True))):
            if type(key) is not str:
                raise ExpressionError(f"interface conversion: interface {{}} is {type_of(key)}, not string")
            made[key] = value
        return dict(reversed(made.items()))

    return run


def _range(meter: Meter, left: Any, right: Any) -> Any:
    first, last = operators.integer(left), operators.integer(right)
    size = max(govalues.wrapped(last - first + 1), 0)
    meter.grow(size)
    return govalues.Ints(map(govalues.wrapped, range(first, first + size)))


def _plus(meter: Meter, left: Any, right: Any) -> Any:
    total = operators.add(left, right)
    if type(total) is str:
        meter.handle(total)
    return total


def _membership(values: Any) -> Callable[[Any], bool]:
    if not isinstance(values, frozenset):
        return lambda value: operators.contains(values, value)
    kind = type(next(iter(values)))

    def run(value: Any) -> bool:
        if value is None:
            return kind() in values
        if type(value) is not kind:
            raise ExpressionError(
                f"reflect.Value.MapIndex: value of type {type_of(value)} is not assignable to type {kind.__name__}"
            )
        return value in values

    return run


def _matches(left: Any, right: Any) -> bool:
    try:
        return goregexp.search(right, left)
    except goregexp.RegexpError as error:
        raise budget.of_pattern(error) from None


def _strings(compute: Callable[[Any, Any], bool]) -> Callable[[Meter, Any, Any], bool]:
    def run(meter: Meter, left: Any, right: Any) -> bool:
        if is_nil(left) or is_nil(right):
            return False
        for value in (left, right):
            if type(value) is not str:
                raise ExpressionError(f"interface conversion: interface {{}} is {type_of(value)}, not string")
        meter.handle(left)
        return compute(left, right)

    return run


_METERED = frozenset(("+", "..", "contains", "startsWith", "endsWith", "matches"))
_OPERATORS: dict[str, Callable[..., Any]] = {
    "+": _plus,
    "..": _range,
    "-": operators.subtract,
    "*": operators.multiply,
    "/": operators.divide,
    "%": operators.remainder,
    "**": operators.power,
    "^": operators.power,
    "<": operators.less,
    "<=": operators.order("<=", lambda left, right: left <= right),
    ">": operators.order(">", lambda left, right: left > right),
    ">=": operators.order(">=", lambda left, right: left >= right),
    "in": lambda left, right: operators.contains(right, left),
    "contains": _strings(lambda left, right: right in left),
    "startsWith": _strings(str.startswith),
    "endsWith": _strings(str.endswith),
    "matches": _strings(_matches),
}


class _Loop:
    """One run of a function over the elements of a list."""

    __slots__ = ("argument", "frame", "has_argument", "mapped", "predicate", "strict", "values")

    def __init__(
        self,
        frame: Frame,
        values: Any,
        predicate: Evaluator | None,
        mapped: Evaluator | None,
        argument: Any,
        has_argument: bool,
        strict: bool,
    ) -> None:
        self.frame = frame
        self.values = values
        self.predicate = predicate
        self.mapped = mapped
        self.argument = argument
        self.has_argument = has_argument
        self.strict = strict

    def at(self, index: int) -> Any:
        """Return what the predicate makes of an element."""
        frame = self.frame
        frame.meter.step()
        frame.element = self.values[index]
        frame.index = index
        return frame.element if self.predicate is None else self.predicate(frame)

    def kept(self, index: int) -> Any:
        """Return what becomes of an element that was found."""
        del index
        return self.frame.element if self.mapped is None else self.mapped(self.frame)

    def hits(self, *, backwards: bool = False) -> Any:
        """Yield the positions at which the predicate holds."""
        count = len(self.values)
        for index in range(count - 1, -1, -1) if backwards else range(count):
            if truth(self.at(index)):
                yield index


def _find(loop: _Loop, *, backwards: bool) -> Any:
    for index in loop.hits(backwards=backwards):
        return loop.kept(index)
    if loop.strict:
        raise ExpressionError("reflect: slice index out of range")
    return None


def _filter(loop: _Loop) -> Any:
    kept = [loop.kept(index) for index in loop.hits()]
    loop.frame.meter.grow(len(kept))
    return kept


def _map_elements(loop: _Loop) -> Any:
    made = [loop.at(index) for index in range(len(loop.values))]
    loop.frame.meter.grow(len(made))
    return made


def _sum(loop: _Loop) -> Any:
    total: Any = 0
    for index in range(len(loop.values)):
        total = operators.add(loop.at(index), total)
    return total


def _group(loop: _Loop) -> Any:
    groups = loop.frame.accumulator = AnyMap(type_name=natures.GROUPS.name)
    for index in range(len(loop.values)):
        key = loop.at(index)
        if key in groups:
            groups[key].append(loop.frame.element)
        else:
            groups[key] = [loop.frame.element]
    return groups


def _sort(loop: _Loop) -> Any:
    direction = loop.argument if loop.has_argument else "asc"
    if direction not in ("asc", "desc"):
        raise ExpressionError("unknown order, use asc or desc")
    keys: list[Any] = []
    values: list[Any] = []
    for index in range(len(loop.values)):
        keys.append(loop.at(index))
        values.append(loop.frame.element)
    items = operators.ordered(values, keys, descending=direction == "desc")
    loop.frame.meter.grow(len(items))
    return items


def _reduce(loop: _Loop) -> Any:
    frame, first = loop.frame, 0
    if loop.has_argument:
        frame.accumulator = loop.argument
    elif loop.values:
        frame.element = loop.values[0]
        frame.accumulator, first = frame.element, 1
    else:
        raise ExpressionError("reflect: slice index out of range")
    for index in range(first, len(loop.values)):
        frame.accumulator = loop.at(index)
    return frame.accumulator


_LOOPS: dict[str, Callable[[_Loop], Any]] = {
    "all": lambda loop: all(truth(loop.at(index)) for index in range(len(loop.values))),
    "none": lambda loop: next(loop.hits(), None) is None,
    "any": lambda loop: next(loop.hits(), None) is not None,
    "one": lambda loop: sum(1 for _ in loop.hits()) == 1,
    "count": lambda loop: sum(1 for _ in loop.hits()),
    "filter": _filter,
    "map": _map_elements,
    "find": lambda loop: _find(loop, backwards=False),
    "findLast": lambda loop: _find(loop, backwards=True),
    "findIndex": lambda loop: next(loop.hits(), None),
    "findLastIndex": lambda loop: next(loop.hits(backwards=True), None),
    "sum": _sum,
    "groupBy": _group,
    "sortBy": _sort,
    "reduce": _reduce,
}


def _littering_find(*, position: bool) -> Callable[[_Loop], Any]:
    def run(loop: _Loop) -> Any:
        stack = loop.frame.meter.stack
        for index in range(len(loop.values) - 1, -1, -1):
            stack.append(True)
            if truth(loop.at(index)):
                return index if position else loop.kept(index)
        stack.append(False)
        if loop.strict:
            raise ExpressionError("reflect: slice index out of range")
        return None

    return run


def _littered_map(loop: _Loop) -> Any:
    stack = loop.frame.meter.stack
    for index in range(len(loop.values)):
        stack.append(loop.at(index))
    loop.frame.meter.grow(len(loop.values))
    return _popped(stack, len(loop.values))


def _littered_filter(loop: _Loop) -> Any:
    stack, count = loop.frame.meter.stack, 0
    for index in loop.hits():
        stack.append(loop.kept(index))
        count += 1
    loop.frame.meter.grow(count)
    return _popped(stack, count)


_LITTERING_LOOPS: dict[str, Callable[[_Loop], Any]] = {
    "findLast": _littering_find(position=False),
    "findLastIndex": _littering_find(position=True),
    "map": _littered_map,
    "filter": _littered_filter,
}
