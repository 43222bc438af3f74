"""Reads the expression language of ``{{= }}`` tags into a tree.

The grammar, the precedence of operators and the escapes in strings are those of expr-lang 1.17, the version that Argo
4.0 is built with (https://expr-lang.org/docs/language-definition).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any


class ExpressionError(ValueError):
    """An expression cannot be read or has no value."""


class ExpressionRefusedError(ExpressionError):
    """An expression that Argo evaluates, or tries to, is not evaluated on this machine."""


class ExpressionSyntaxError(ExpressionError):
    """An expression cannot be read."""


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """A part of an expression; compared by identity, as positions in one tree."""


@dataclass(frozen=True, slots=True, eq=False)
class Literal(Expression):
    """A value written in the text."""

    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True, eq=False)
class Identifier(Expression):
    """A name."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class MemberAccess(Expression):
    """``target.key`` or ``target[key]``; with ``optional``, ``target?.key``."""

    target: Expression
    key: Expression
    optional: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Slice(Expression):
    """``target[start:end]``."""

    target: Expression
    start: Expression | None
    end: Expression | None


@dataclass(frozen=True, slots=True, eq=False)
class Chain(Expression):
    """Where an optional chain (``a?.b.c``) ends: a missing link makes the whole of it nil."""

    body: Expression


@dataclass(frozen=True, slots=True, eq=False)
class CallNode(Expression):
    """A call of a function of the environment."""

    callee: Expression
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Builtin(Expression):
    """A call of one of the language's own functions.

    The optimizer makes ``find`` and ``filter`` of others: ``mapped`` is what becomes of each element that is kept,
    ``strict`` says that there must be one.
    """

    name: str
    arguments: tuple[Expression, ...]
    mapped: Expression | None = None
    strict: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ConstantValue(Expression):
    """A value that the optimizer computed: a list, or a set of what ``in`` looks for."""

    value: list[Any] | frozenset[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Predicate(Expression):
    """The second argument of ``filter`` and its like."""

    body: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Pointer(Expression):
    """``#`` (the current element), ``#acc`` or ``#index`` inside a predicate."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Unary(Expression):
    """An operator before its operand."""

    operator: str
    operand: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Binary(Expression):
    """An operator between its operands."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Conditional(Expression):
    """``condition ? then : otherwise``."""

    condition: Expression
    then: Expression
    otherwise: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Array(Expression):
    """``[a, b]``."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Map(Expression):
    """``{a: b}``."""

    pairs: tuple[tuple[Expression, Expression], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Let(Expression):
    """``let name = value; body``."""

    name: str
    value: Expression
    body: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Sequence(Expression):
    """``a; b``: the value is that of the last."""

    items: tuple[Expression, ...]


UNARY = {"not": 50, "!": 50, "-": 90, "+": 90}
BINARY = {
    "|": 0,
    "or": 10,
    "||": 10,
    "and": 15,
    "&&": 15,
    "==": 20,
    "!=": 20,
    "<": 20,
    ">": 20,
    ">=": 20,
    "<=": 20,
    "in": 20,
    "matches": 20,
    "contains": 20,
    "startsWith": 20,
    "endsWith": 20,
    "..": 25,
    "+": 30,
    "-": 30,
    "*": 60,
    "/": 60,
    "%": 60,
    "**": 100,
    "^": 100,
    "??": 500,
}
_RIGHT = frozenset(("**", "^"))
_COMPARISONS = frozenset(("<", ">", ">=", "<="))
_NEGATABLE = frozenset(("in", "matches", "contains", "startsWith", "endsWith"))
_WORDS = frozenset(
    ("not", "in", "or", "and", "matches", "contains", "startsWith", "endsWith", "let", "if", "else")
)

PREDICATES: dict[str, tuple[str, ...]] = {
    "all": ("value", "predicate"),
    "none": ("value", "predicate"),
    "any": ("value", "predicate"),
    "one": ("value", "predicate"),
    "filter": ("value", "predicate"),
    "map": ("value", "predicate"),
    "find": ("value", "predicate"),
    "findIndex": ("value", "predicate"),
    "findLast": ("value", "predicate"),
    "findLastIndex": ("value", "predicate"),
    "count": ("value", "predicate?"),
    "sum": ("value", "predicate?"),
    "groupBy": ("value", "predicate"),
    "sortBy": ("value", "predicate", "value?"),
    "reduce": ("value", "predicate", "value?"),
}
"""Built-in functions that take a predicate, with the kinds of their arguments."""

FUNCTIONS = frozenset(
    [
        "len",
        "type",
        "abs",
        "ceil",
        "floor",
        "round",
        "int",
        "float",
        "string",
        "trim",
        "trimPrefix",
        "trimSuffix",
        "upper",
        "lower",
        "split",
        "splitAfter",
        "replace",
        "repeat",
        "join",
        "indexOf",
        "lastIndexOf",
        "hasPrefix",
        "hasSuffix",
        "max",
        "min",
        "mean",
        "median",
        "toJSON",
        "fromJSON",
        "toBase64",
        "fromBase64",
        "now",
        "duration",
        "date",
        "timezone",
        "first",
        "last",
        "get",
        "take",
        "keys",
        "values",
        "toPairs",
        "fromPairs",
        "reverse",
        "uniq",
        "concat",
        "flatten",
        "sort",
        "bitand",
        "bitor",
        "bitxor",
        "bitnand",
        "bitshl",
        "bitshr",
        "bitushr",
        "bitnot",
    ]
)
"""Built-in functions that take plain arguments."""

_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_ESCAPE = r"[abfnrtv\\]|[0-3][0-7]{2}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|u\{[0-9a-fA-F]{1,6}\}|U[0-9a-fA-F]{8}"
_TOKEN = re.compile(
    rf"""
    (?P<space>[{_SPACE}]+|//[^\n]*(?:\n|$)|/\*.*?\*/)
  | (?P<number>(?:0[xX][0-9a-fA-F_]*|0[oO][0-7_]*|0[bB][01_]*|[0-9][0-9_]*)(?:\.(?!\.)[0-9_]*)?(?:[eE][+-]?[0-9_]*)?
      |\.[0-9][0-9_]*(?:[eE][+-]?[0-9_]*)?)
  | (?P<pointer>\#\#?)(?P<pointed>[\w$]*)
  | (?P<name>[^\W\d][\w$]*|\$[\w$]*)
  | (?P<raw>`(?:[^`]|``)*`)
  | (?P<string>'(?:[^'\\\n]|\\(?:'|{_ESCAPE}))*'|"(?:[^"\\\n]|\\(?:"|{_ESCAPE}))*")
  | (?P<operator>\?[.?]?|\|\|?|::?|[,;%+\-^/]|[&!=*<>][&=*]?|\.\.?)
  | (?P<bracket>[()\[\]{{}}])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(
    r"\\(?:u\{([0-9a-fA-F]+)\}|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|([0-7]{3})|(.))",
    re.DOTALL,
)
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the expression, its kind and its position."""

    kind: str
    text: str
    position: int


def _unescape(body: str, position: int) -> str:
    if "\r" in body:
        body = body.replace("\r\n", "\n").replace("\r", "\n")
    if "\\" not in body:
        return body

    def replacement(match: re.Match[str]) -> str:
        braced, four, eight, two, octal, simple = match.groups()
        if simple is not None:
            return _SIMPLE.get(simple, simple)
        code = int(octal, 8) if octal else int(braced or four or eight or two, 16)
        if code > 0x10FFFF:
            raise ExpressionSyntaxError(f"invalid char escape at {position}")
        return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)

    return _ESCAPED.sub(replacement, body)


def _is_word(character: str) -> bool:
    return character in "_$" or character.isalpha() or character.isdecimal()


def tokenize(text: str) -> list[Token]:
    """Split an expression into tokens.

    Args:
        text: the expression.

    Returns:
        The tokens; the last one is of kind ``end``.

    Raises:
        ExpressionSyntaxError: a token cannot start or end here.
    """
    tokens: list[Token] = []
    position = 0
    end = len(text)
    while position < end:
        match = _TOKEN.match(text, position)
        kind = match.lastgroup if match else None
        if match is None or kind is None:
            raise ExpressionSyntaxError(
                f"unrecognized character {text[position]!r} at {position} in {text!r}"
            )
        word = match.group()
        following = match.end()
        if kind == "number" and following < end and _is_word(text[following]):
            raise ExpressionSyntaxError(f"bad number syntax at {position} in {text!r}")
        if kind == "string":
            tokens.append(Token("string", _unescape(word[1:-1], position), position))
        elif kind == "raw":
            tokens.append(Token("string", word[1:-1].replace("``", "`"), position))
        elif kind in ("name", "pointed") and not (word.isascii() or all(map(_is_word, word.lstrip("#")))):
            raise ExpressionSyntaxError(f"unrecognized character at {position} in {text!r}")
        elif kind == "pointed":
            tokens.append(Token("operator", match["pointer"], position))
            if match["pointed"]:
                tokens.append(Token("name", match["pointed"], position))
        elif kind == "name" and word in _WORDS:
            tokens.append(Token("operator", word, position))
        elif kind != "space":
            tokens.append(Token(kind, word, position))
        position = following
    tokens.append(Token("end", "", end))
    return tokens


_MOST_NODES = 10_000
"""Nodes up to which expr-lang compiles an expression."""


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokenize(text)
        self.index = 0
        self.depth = 0
        self.nodes = 0

    def count(self, nodes: int = 1) -> None:
        self.nodes += nodes
        if self.nodes > _MOST_NODES:
            raise ExpressionSyntaxError("compilation failed: expression exceeds maximum allowed nodes")

    @property
    def current(self) -> Token:
        return self.tokens[self.index]

    def fail(self, why: str = "") -> ExpressionSyntaxError:
        token = self.current
        shown = f"unexpected token {token.text!r}" if token.kind != "end" else "unexpected end of expression"
        return ExpressionSyntaxError(f"{why or shown} at {token.position} in {self.text!r}")

    def at(self, text: str, kind: str = "operator") -> bool:
        token = self.tokens[self.index]
        return token.kind == kind and token.text == text

    def accept(self, text: str, kind: str = "operator") -> bool:
        if self.at(text, kind):
            self.index += 1
            return True
        return False

    def expect(self, text: str, kind: str = "operator") -> None:
        if not self.accept(text, kind):
            raise self.fail()

    def name(self) -> str:
        token = self.current
        if token.kind != "name":
            raise self.fail()
        self.index += 1
        return token.text

    def whole(self) -> Expression:
        node = self.sequence()
        if self.current.kind != "end":
            raise self.fail()
        return node

    def sequence(self) -> Expression:
        items = [self.expression(0)]
        while self.accept(";"):
            if self.current.kind == "end":
                break
            items.append(self.expression(0))
        return items[0] if len(items) == 1 else Sequence(tuple(items))

    def expression(self, precedence: int) -> Expression:
        if precedence == 0 and self.accept("let"):
            name = self.name()
            self.expect("=")
            value = self.expression(0)
            self.expect(";")
            return Let(name, value, self.sequence())
        if precedence == 0 and self.accept("if"):
            return self.if_else()
        left = self.operators(self.primary(), precedence)
        return self.conditional(left) if precedence == 0 else left

    def operators(self, left: Expression, precedence: int) -> Expression:
        previous = ""
        while self.current.kind == "operator":
            operator, negate, start = self.current.text, False, self.index
            if operator == "not":
                self.index += 1
                operator, negate = self.current.text, True
                if operator not in _NEGATABLE:
                    raise self.fail()
            if operator not in BINARY or BINARY[operator] < precedence:
                self.index = start
                break
            if previous == "??" and operator not in ("??", "|"):
                raise self.fail(f"operator {operator!r} and '??' cannot be mixed without parentheses")
            self.index += 1
            if operator == "|":
                left = self.call(self.name(), (left,))
            elif operator in _COMPARISONS:
                left = self.comparison(left, operator)
            else:
                right = self.expression(BINARY[operator] + (operator not in _RIGHT))
                self.count()
                left = Binary(operator, left, right)
            if negate:
                self.count()
                left = Unary("not", left)
            previous = operator
        return left

    def comparison(self, left: Expression, operator: str) -> Expression:
        root: Expression | None = None
        while True:
            right = self.expression(BINARY[operator] + 1)
            one = Binary(operator, left, right)
            self.count(1 if root is None else 2)
            root = one if root is None else Binary("&&", root, one)
            if self.current.kind != "operator" or self.current.text not in _COMPARISONS:
                return root
            left, operator = right, self.current.text
            self.index += 1

    def conditional(self, node: Expression) -> Expression:
        while self.accept("?"):
            self.count()
            if self.accept(":"):
                node = Conditional(node, node, self.expression(0))
            else:
                then = self.expression(0)
                self.expect(":")
                node = Conditional(node, then, self.expression(0))
        return node

    def if_else(self) -> Expression:
        condition = self.expression(0)
        then = self.block()
        self.expect("else")
        return Conditional(condition, then, self.if_else() if self.accept("if") else self.block())

    def block(self) -> Expression:
        self.expect("{", "bracket")
        body = self.sequence()
        self.expect("}", "bracket")
        return body

    def primary(self) -> Expression:
        token = self.current
        if token.kind == "operator":
            if token.text in UNARY:
                self.index += 1
                self.count()
                return self.postfix(Unary(token.text, self.expression(UNARY[token.text])))
            if self.depth and token.text in ("#", "."):
                self.count()
                name = ""
                if token.text == "#":
                    self.index += 1
                    if self.current.kind == "name":
                        name = self.name()
                return self.postfix(Pointer(name))
            if token.text == "::":
                self.index += 1
                return self.postfix(self.call(self.name(), ()))
            raise self.fail()
        if self.accept("(", "bracket"):
            node = self.sequence()
            self.expect(")", "bracket")
            return self.postfix(node)
        return self.secondary()

    def secondary(self) -> Expression:
        token = self.current
        self.count()
        if token.kind == "number":
            self.index += 1
            try:
                return Literal(_number(token.text))
            except ValueError:
                raise ExpressionSyntaxError(
                    f"invalid number {token.text!r} at {token.position} in {self.text!r}"
                ) from None
        if token.kind == "string":
            self.index += 1
            return self.postfix(Literal(token.text))
        if token.kind == "name":
            self.index += 1
            if token.text in ("true", "false"):
                return Literal(token.text == "true")
            if token.text == "nil":
                return Literal(None)
            node = self.call(token.text, ()) if self.at("(", "bracket") else Identifier(token.text)
            return self.postfix(node)
        if self.accept("[", "bracket"):
            return self.postfix(Array(self.items("]")))
        if self.accept("{", "bracket"):
            return self.postfix(self.map())
        raise self.fail()

    def items(self, closing: str) -> tuple[Expression, ...]:
        nodes: list[Expression] = []
        while not self.accept(closing, "bracket"):
            if nodes:
                self.expect(",")
                if self.accept(closing, "bracket"):
                    break
            nodes.append(self.expression(0))
        return tuple(nodes)

    def map(self) -> Expression:
        pairs: list[tuple[Expression, Expression]] = []
        self.count()
        while not self.accept("}", "bracket"):
            if pairs:
                self.expect(",")
                if self.accept("}", "bracket"):
                    break
            token = self.current
            if token.kind in ("number", "string", "name"):
                self.index += 1
                key: Expression = Literal(token.text)
            elif self.at("(", "bracket"):
                key = self.expression(0)
            else:
                raise self.fail("a map key must be a quoted string, a number, a name or in parentheses")
            self.expect(":")
            self.count(2)
            pairs.append((key, self.expression(0)))
        return Map(tuple(pairs))

    def call(self, name: str, operands: tuple[Expression, ...]) -> Expression:
        if name in PREDICATES:
            return Builtin(name, self.predicate_arguments(PREDICATES[name], operands))
        self.expect("(", "bracket")
        arguments = operands + self.items(")")
        if name in FUNCTIONS:
            return Builtin(name, arguments)
        return CallNode(Identifier(name), arguments)

    def predicate_arguments(
        self, kinds: tuple[str, ...], operands: tuple[Expression, ...]
    ) -> tuple[Expression, ...]:
        self.expect("(", "bracket")
        arguments = list(operands)
        remaining = kinds[len(operands) :]
        for position, kind in enumerate(remaining):
            if self.at(")", "bracket"):
                if kind.endswith("?"):
                    break
                raise self.fail(f"expected at least {len(remaining)} arguments")
            if position:
                self.expect(",")
            arguments.append(self.predicate() if kind.startswith("predicate") else self.expression(0))
        self.accept(",")
        self.expect(")", "bracket")
        return tuple(arguments)

    def predicate(self) -> Expression:
        self.depth += 1
        body = self.block() if self.at("{", "bracket") else self.expression(0)
        self.depth -= 1
        return Predicate(body)

    def postfix(self, node: Expression) -> Expression:
        while True:
            token = self.current
            if token.kind == "operator" and token.text in (".", "?."):
                optional = token.text == "?."
                self.index += 1
                if optional and self.accept("[", "bracket"):
                    node = self.index_of(node, optional)
                    continue
                following = self.current
                if following.kind != "name" and not (
                    following.kind == "operator" and following.text.isidentifier()
                ):
                    raise self.fail("expected name")
                self.index += 1
                self.count(3)
                chained = isinstance(node, Chain)
                target = node.body if isinstance(node, Chain) else node
                node = MemberAccess(target, Literal(following.text), optional)
                if self.accept("(", "bracket"):
                    node = CallNode(node, self.items(")"))
                if chained or optional:
                    node = Chain(node)
            elif token.kind == "bracket" and token.text == "[":
                self.index += 1
                node = self.index_of(node, False)
            else:
                return node

    def index_of(self, node: Expression, optional: bool) -> Expression:
        self.count()
        start = None if self.at(":") else self.expression(0)
        if self.accept(":"):
            end = None if self.at("]", "bracket") else self.expression(0)
            self.expect("]", "bracket")
            return Slice(node, start, end)
        self.expect("]", "bracket")
        assert start is not None
        member = MemberAccess(node, start, optional)
        return Chain(member) if optional else member


def _number(text: str) -> int | float:
    plain = text.replace("_", "").lower()
    if plain.startswith("0x"):
        return _int64(int(plain, 16))
    if "." in plain or "e" in plain:
        number = float(plain)
        if number in (float("inf"), float("-inf")):
            raise ValueError(text)
        return number
    return _int64(int(plain, {"0b": 2, "0o": 8}.get(plain[:2], 10)))


def _int64(number: int) -> int:
    if number > 0x7FFFFFFFFFFFFFFF:
        raise ValueError(number)
    return number


@lru_cache(maxsize=4096)
def parse(text: str) -> Expression:
    """Read an expression.

    Args:
        text: the expression, without ``{{=`` and ``}}``.

    Returns:
        The root of its tree. Reading the same text again gives the same tree.

    Raises:
        ExpressionSyntaxError: the text isn't an expression.
    """
    try:
        return _Parser(text).whole()
    except RecursionError:
        raise ExpressionSyntaxError(f"expression is nested too deeply: {text[:80]!r}…") from None


def children(node: Expression) -> tuple[Expression, ...]:
    """Return the parts of a node, in the order of the source."""
    match node:
        case MemberAccess(target, key, _):
            return (target, key)
        case Slice(target, start, end):
            return tuple(part for part in (target, start, end) if part is not None)
        case Chain(body) | Predicate(body):
            return (body,)
        case CallNode(callee, arguments):
            return (callee, *arguments)
        case Builtin(_, arguments, mapped):
            return arguments if mapped is None else (*arguments, mapped)
        case Unary(_, operand):
            return (operand,)
        case Binary(_, left, right):
            return (left, right)
        case Conditional(condition, then, otherwise):
            return (condition, then, otherwise)
        case Array(items) | Sequence(items):
            return items
        case Map(pairs):
            return tuple(part for pair in pairs for part in pair)
        case Let(_, value, body):
            return (value, body)
        case _:
            return ()


def member_path(node: Expression) -> tuple[str, ...] | None:
    """Return the names of ``a.b['c']`` as ``("a", "b", "c")``, None for anything that isn't such a path."""
    names: list[str] = []
    while isinstance(node, MemberAccess):
        if node.optional or not isinstance(node.key, Literal) or not isinstance(node.key.value, str):
            return None
        names.append(node.key.value)
        node = node.target
    if not isinstance(node, Identifier):
        return None
    return (node.name, *reversed(names))


@lru_cache(maxsize=4096)
def identifiers(root: Expression) -> tuple[str, ...]:
    """Return what an expression refers to, as Argo looks at it before it evaluates.

    Args:
        root: the tree of the expression.

    Returns:
        Names and dotted paths, each once: for ``tasks.a.status`` these are ``tasks``, ``tasks.a`` and
        ``tasks.a.status``. Members left of ``??`` and before ``?.`` don't count: absent values are what those operators
        are for.
    """
    guarded: set[Expression] = set()
    names: dict[str, None] = {}
    stack = [root]
    order: list[Expression] = []
    while stack:
        node = stack.pop()
        order.append(node)
        if isinstance(node, Binary) and node.operator == "??":
            guarded.update(part for part in _walk(node.left) if isinstance(part, MemberAccess))
        elif isinstance(node, MemberAccess) and node.optional and isinstance(node.target, MemberAccess):
            guarded.add(node.target)
        stack.extend(reversed(children(node)))
    for node in order:
        if node in guarded:
            continue
        if isinstance(node, Identifier):
            names.setdefault(node.name)
        elif isinstance(node, MemberAccess):
            path = member_path(node)
            if path is not None:
                names.setdefault(".".join(path))
    return tuple(names)


def _walk(root: Expression) -> list[Expression]:
    nodes, position = [root], 0
    while position < len(nodes):
        nodes.extend(children(nodes[position]))
        position += 1
    return nodes
