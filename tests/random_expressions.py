"""Random questions about Argo's expression languages, for comparing two that answer them.

The expressions are mostly sensible: types fit and names exist. Now and then they do not, so that what is refused is
compared as well. Left out is what has no certain answer: the current time, random numbers, the order of a map.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence

VARIABLES: dict[str, str | None] = {
    "item": "5",
    "item.name": "x",
    "retries": "2",
    "workflow.name": "wf-1",
    "workflow.parameters.x": 'a$b "q" {{c}}',
    "workflow.parameters.n": "3",
    "workflow.parameters": '[{"name":"x"}]',
    "inputs.parameters.list": '[1,2.5,"z",null,true,[1],{"a":1}]',
    "inputs.parameters.json": '{"k":{"d":1.0,"e":[{"n":"A","a":1},{"n":"B","a":2}]},"s":"é","length":7}',
    "inputs.parameters.text": "Hello, wörld and more",
    "inputs.parameters.empty": "",
    "inputs.parameters.number": "-12",
    "inputs.parameters.float": "1e3",
    "steps.one.outputs.result": "heads",
    "tasks.a-b.status": "Succeeded",
    "tasks.a-b.outputs.parameters.p": '{"k":1}',
    "tasks.c.outputs.parameters.gone": None,
}
"""What the questions can name."""

_WORDS = (
    "a",
    "b",
    "abc",
    "Hello World",
    "foo_bar-baz",
    "HTTPServer2xx",
    "é",
    "日本",
    "a,b,c",
    " pad ",
    "x=1;y=2",
    "it's",
    'say "hi"',
    "back\\\\slash",
    "line\\nbreak",
    "\\t",
    "",
    "10",
    "-7",
    "3.5",
    "1e2",
    "0x1f",
    "true",
    "2024-02-29",
    "2024-02-03T04:05:06Z",
    "1h30m",
    "YWJj",
    "MFRGG===",
    "/usr/local/bin/x.tar.gz",
    "https://u:p@h.example:80/p?q=1#f",
    "<b>&amp;</b>",
    "$1",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!",
)
_PATTERNS = (
    "a",
    "^a+$",
    "(a+)+$",
    "[a-c]+",
    "\\\\d+",
    "(",
    "b?",
    "(?i)HELLO",
    "\\\\bw",
    "",
    ".",
    "x*",
    "(a)(b)?",
    "é|o",
)
_PATHS = (
    "$.k.d",
    "$.k.e[0].n",
    "$.k.e[*].a",
    '$.k.e[?(@.n=="B")].a',
    "$.k.e[?(@.a>1)]",
    "$.k.e[?(@.a>=1 && @.n!='A')].n",
    "$..n",
    "$.*",
    "$.k.e.length",
    "$.length",
    "$['k']['d']",
    '$["k","s"]',
    "$.k.e[-1].a",
    "$.k.e[0:1]",
    "$.k.e[::2]",
    "$.k.e[(@.length-1)].a",
    "$.missing",
    "$.k.e[5]",
    "$",
    "@",
    "k.d",
    "",
    "$.k.e[?(@.n =~ '^A')].a",
    "$.k.e[?(@.n in ['A','C'])].a",
    "$.k.e[0,1].n",
    "$..[?(@.a==2)].n",
    "$.k.e[?(@.x)]",
    "$.k.e[?(!@.x)].n",
    "$.k[?(@.n)]",
    "$.s",
    "$.k..a",
    "$[?(@.d)]",
)
_LAYOUTS = (
    "2006-01-02",
    "15:04:05",
    "Jan 2, 2006 at 3:04pm (MST)",
    "Monday, 02-Jan-06",
    "2006-01-02T15:04:05.000Z07:00",
    "_2/1/06 3PM",
    "002 .999",
)
_ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Nowhere/X")
_DURATIONS = ("1h30m", "-2s", "0", "1.5ms", "300us", "12", "1d", "90m", "1h1ns")
_DATES = (
    "2024-02-29",
    "2023-02-29",
    "23:59:59",
    "2024-02-03 04:05:06",
    "2024-02-03T04:05:06+02:00",
    "2024-07-03T04:05:06.123456789Z",
    "02 Jan 06 15:04 MST",
    "nonsense",
)


def _quoted(text: str, mark: str = "'") -> str:
    return mark + text.replace(mark, f"\\{mark}") + mark


class Expressions:
    """Writes expressions of expr-lang with Argo's functions.

    Args:
        seed: the same seed gives the same expressions.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.inside = 0
        self.kinds: dict[str, Callable[[int], str]] = {
            "number": self.number,
            "string": self.string,
            "boolean": self.boolean,
            "list": self.list,
            "map": self.map,
            "time": self.time,
            "duration": self.duration,
            "any": self.any,
        }

    def next(self) -> str:
        """Return another expression."""
        self.inside = 0
        kind = self.random.choice(
            ("number", "string", "string", "boolean", "list", "list", "map", "any", "any")
        )
        if self.random.random() < 0.06:
            kind = self.random.choice(("time", "duration"))
        text = self.of(kind, self.random.choice((2, 2, 3, 3, 4)))
        return self.damaged(text) if self.random.random() < 0.02 else text

    def damaged(self, text: str) -> str:
        """Return a text with one character more or less."""
        position = self.random.randrange(len(text) + 1)
        if self.random.random() < 0.5:
            return text[:position] + text[position + 1 :]
        return text[:position] + self.random.choice("()[]{}'\"+-.,?#:|&!% 0a") + text[position:]

    def of(self, kind: str, depth: int) -> str:
        """Return an expression of a kind, now and then of another."""
        if self.random.random() < 0.05:
            kind = self.random.choice(tuple(self.kinds))
        return self.kinds[kind](depth - 1)

    def pick(self, options: Sequence[str]) -> str:
        return self.random.choice(options)

    def fill(self, template: str, depth: int) -> str:
        """Return a template whose letters in angle brackets were replaced by expressions of that kind."""
        kinds = {
            "<n>": "number",
            "<s>": "string",
            "<b>": "boolean",
            "<l>": "list",
            "<m>": "map",
            "<t>": "time",
            "<d>": "duration",
            "<a>": "any",
        }
        fixed: dict[str, Sequence[str]] = {
            "<p>": _PATTERNS,
            "<j>": _PATHS,
            "<L>": _LAYOUTS,
            "<z>": _ZONES,
            "<D>": _DURATIONS,
            "<T>": _DATES,
        }
        parts: list[str] = []
        position = 0
        while (start := template.find("<", position)) >= 0:
            mark = template[start : start + 3]
            if mark in kinds:
                parts += (template[position:start], self.of(kinds[mark], depth))
                position = start + 3
            elif mark == "<k>":
                parts += (
                    template[position:start],
                    self.pick(("-2", "0", "1", "3", "5", "12", "'3'", "2.0", "nil")),
                )
                position = start + 3
            elif mark == "<x>":
                parts += (template[position:start], self.time(0))
                position = start + 3
            elif mark in fixed:
                parts += (template[position:start], _quoted(self.pick(fixed[mark])))
                position = start + 3
            elif mark == "<B>":
                parts += (template[position:start], self.predicate("boolean", depth))
                position = start + 3
            elif mark == "<A>":
                parts += (template[position:start], self.predicate("any", depth))
                position = start + 3
            elif mark == "<N>":
                parts += (template[position:start], self.predicate("number", depth))
                position = start + 3
            else:
                parts.append(template[position : start + 1])
                position = start + 1
        return "".join(parts) + template[position:]

    def predicate(self, kind: str, depth: int) -> str:
        self.inside += 1
        body = self.of(kind, depth)
        self.inside -= 1
        return f"{{{body}}}" if self.random.random() < 0.2 else body

    def any(self, depth: int) -> str:
        if depth <= 0 or self.random.random() < 0.3:
            options = [
                "nil",
                "item",
                "item.name",
                "workflow.name",
                "workflow.nope",
                "tasks['a-b'].status",
                "tasks.c.outputs.parameters.gone",
                "tasks?.nope?.x",
                "unknown",
                "retries",
                "fromJSON(inputs.parameters.list)[0]",
                "fromJSON(inputs.parameters.json).k",
                "inputs.parameters['text']",
                "len",
            ]
            if self.inside:
                options += ["#", "#", "#", "#.a", "#.n ?? 1", ".a", "#index", "#acc"]
            return self.pick(options)
        return self.fill(
            self.pick(
                (
                    "(<b> ? <a> : <a>)",
                    "<a> ?? <a>",
                    "<l>[<n>]",
                    "<m>['a']",
                    "<m>.a",
                    "<m>?.b",
                    "first(<l>)",
                    "last(<l>)",
                    "get(<l>, <n>)",
                    "get(<m>, <s>)",
                    "find(<l>, <B>)",
                    "findLast(<l>, <B>)",
                    "filter(<l>, <B>)[0]",
                    "filter(<l>, <B>)[-1]",
                    "first(filter(<l>, <B>))",
                    "reduce(<l>, #acc + #)",
                    "reduce(<l>, <A>, <a>)",
                    "let x = <a>; [x, <a>]",
                    "if <b> { <a> } else { <a> }",
                    "<a>; <a>",
                    "fromJSON(toJSON(<a>))",
                    "fromJSON(<s>)",
                    "jsonpath(inputs.parameters.json, <j>)",
                    "jsonpath(inputs.parameters.list, <j>)",
                    "max(<l>)",
                    "min(<n>, <l>)",
                    "sum(<l>)",
                    "sum(<l>, <N>)",
                    "sum([<a>, <a>])",
                    "<l> | first()",
                    "sprig.default(<a>, <a>)",
                    "sprig.coalesce(<a>, <a>)",
                    "sprig.ternary(<a>, <a>, <b>)",
                    "sprig.first(<l>)",
                    "sprig.last(<l>)",
                    "sprig.fromJson(<s>)",
                    "sprig.get(<m>, <s>)",
                    "sprig.dig('a', 'b', <a>, <m>)",
                    "sprig.deepCopy(<a>)",
                    "<t>.Month()",
                    "<t>.Weekday()",
                    "<l>?.[0]",
                    "'é'[<n>:]",
                    "<s>[<n>]",
                    "(<a>)",
                )
            ),
            depth,
        )

    def number(self, depth: int) -> str:
        if depth <= 0 or self.random.random() < 0.25:
            return self.pick(
                (
                    "0",
                    "1",
                    "2",
                    "3",
                    "7",
                    "10",
                    "-1",
                    "-3",
                    "0.5",
                    "2.5",
                    "-1.5",
                    "1e3",
                    ".25",
                    "1_000",
                    "0x1F",
                    "0b101",
                    "0o17",
                    "1e21",
                    "1e-7",
                    "123456789.5",
                    "9223372036854775807",
                    "-9223372036854775807",
                    "4611686018427387904",
                    "1000000.0",
                    "asInt(item)",
                    "asFloat(inputs.parameters.float)",
                    "asInt(inputs.parameters.number)",
                    "fromJSON(inputs.parameters.list)[1]",
                    "len(workflow.name)",
                    *(("#", "#index") if self.inside else ()),
                )
            )
        return self.fill(
            self.pick(
                (
                    "<n> + <n>",
                    "<n> - <n>",
                    "<n> * <n>",
                    "<n> / <n>",
                    "<n> % <n>",
                    "<n> ** 2",
                    "2 ^ <n>",
                    "-<n>",
                    "+<n>",
                    "(<n>)",
                    "abs(<n>)",
                    "ceil(<n>)",
                    "floor(<n>)",
                    "round(<n>)",
                    "int(<n>)",
                    "float(<n>)",
                    "int(<s>)",
                    "float(<s>)",
                    "asInt(<s>)",
                    "asFloat(<a>)",
                    "len(<s>)",
                    "len(<l>)",
                    "len(<m>)",
                    "len(filter(<l>, <B>))",
                    "count(<l>, <B>)",
                    "count([<b>, <b>])",
                    "findIndex(<l>, <B>)",
                    "findLastIndex(<l>, <B>)",
                    "indexOf(<s>, <s>)",
                    "lastIndexOf(<s>, <s>)",
                    "max(<n>, <n>)",
                    "min(<n>, <n>)",
                    "mean(<l>)",
                    "median(<n>, <n>, <n>)",
                    "mean(<n>, <n>)",
                    "sum(map(1..4, <N>))",
                    "bitand(<n>, <n>)",
                    "bitor(<n>, <n>)",
                    "bitxor(<n>, <n>)",
                    "bitnand(<n>, <n>)",
                    "bitshl(<n>, <n>)",
                    "bitshr(<n>, <n>)",
                    "bitushr(<n>, <n>)",
                    "bitnot(<n>)",
                    "<n> | abs()",
                    "sprig.add(<n>, <n>)",
                    "sprig.sub(<n>, <n>)",
                    "sprig.mul(<n>, <n>)",
                    "sprig.div(<n>, <n>)",
                    "sprig.mod(<n>, <n>)",
                    "sprig.add1(<a>)",
                    "sprig.max(<n>, <n>)",
                    "sprig.min(<n>, <s>)",
                    "sprig.biggest(<n>, <n>)",
                    "sprig.addf(<n>, <n>)",
                    "sprig.subf(<n>, <n>)",
                    "sprig.mulf(<n>, <n>)",
                    "sprig.divf(<n>, <n>)",
                    "sprig.add1f(<n>)",
                    "sprig.maxf(<n>, <n>)",
                    "sprig.minf(<n>, <n>)",
                    "sprig.ceil(<n>)",
                    "sprig.floor(<n>)",
                    "sprig.round(<n>, 1)",
                    "sprig.round(<n>, 2, 0.3)",
                    "sprig.int(<a>)",
                    "sprig.int64(<a>)",
                    "sprig.float64(<a>)",
                    "sprig.atoi(<s>)",
                    "sprig.toDecimal(<s>)",
                    "<t>.Year()",
                    "<t>.Unix()",
                    "<t>.YearDay()",
                    "<d>.Hours()",
                    "<d>.Milliseconds()",
                    "<d>.Seconds()",
                )
            ),
            depth,
        )

    def string(self, depth: int) -> str:
        if depth <= 0 or self.random.random() < 0.25:
            if self.random.random() < 0.75:
                text = self.pick(_WORDS)
                if "'" in text or self.random.random() < 0.2:
                    return _quoted(text, '"')
                return f"`{text}`" if self.random.random() < 0.1 and "`" not in text else _quoted(text)
            return self.pick(
                (
                    "workflow.name",
                    "inputs.parameters.text",
                    "workflow.parameters['x']",
                    "inputs.parameters.empty",
                    "item.name",
                    "retries",
                    "steps.one.outputs.result",
                    "'\\u00e9\\x41\\101'",
                    "'\\u{1F600}'",
                    *(("#", "#.n") if self.inside else ()),
                )
            )
        return self.fill(
            self.pick(
                (
                    "<s> + <s>",
                    "string(<a>)",
                    "string(<n>)",
                    "string(<l>)",
                    "string(<m>)",
                    "string(<t>)",
                    "type(<a>)",
                    "type(<l>)",
                    "upper(<s>)",
                    "lower(<s>)",
                    "trim(<s>)",
                    "trim(<s>, <s>)",
                    "trimPrefix(<s>, <s>)",
                    "trimSuffix(<s>, <s>)",
                    "trimPrefix(<s>)",
                    "replace(<s>, <s>, <s>)",
                    "replace(<s>, 'a', <s>, <n>)",
                    "repeat(<s>, <n>)",
                    "repeat(<s>, 3)",
                    "join(<l>, <s>)",
                    "join(split(<s>, <s>), '-')",
                    "join(map(<l>, string(#)), ',')",
                    "toJSON(<a>)",
                    "toJson(<a>)",
                    "toJson(<l>)",
                    "toBase64(<s>)",
                    "fromBase64(<s>)",
                    "fromBase64(toBase64(<s>))",
                    "<s>[<n>:<n>]",
                    "<s>[:<n>]",
                    "<s> | upper()",
                    "<s> | trim() | lower()",
                    "<t>.Format(<L>)",
                    "<t>.String()",
                    "<d>.String()",
                    "sprig.trim(<s>)",
                    "sprig.trimAll(<s>, <s>)",
                    "sprig.trimSuffix(<s>, <s>)",
                    "sprig.trimPrefix(<s>, <s>)",
                    "sprig.upper(<s>)",
                    "sprig.lower(<s>)",
                    "sprig.title(<s>)",
                    "sprig.untitle(<s>)",
                    "sprig.repeat(3, <s>)",
                    "sprig.repeat(<k>, 'ab')",
                    "sprig.substr(<n>, <n>, <s>)",
                    "sprig.trunc(<n>, <s>)",
                    "sprig.abbrev(<k>, <s>)",
                    "sprig.abbrev(5, <s>)",
                    "sprig.abbrevboth(5, 10, inputs.parameters.text)",
                    "sprig.abbrevboth(<k>, <k>, inputs.parameters.text)",
                    "sprig.initials(<s>)",
                    "sprig.nospace(<s>)",
                    "sprig.swapcase(<s>)",
                    "sprig.snakecase(<s>)",
                    "sprig.camelcase(<s>)",
                    "sprig.kebabcase(<s>)",
                    "sprig.wrap(5, <s>)",
                    "sprig.wrapWith(4, '|', <s>)",
                    "sprig.quote(<a>, <s>)",
                    "sprig.squote(<a>)",
                    "sprig.cat(<a>, <s>)",
                    "sprig.cat(<s>, <n>)",
                    "sprig.indent(2, <s>)",
                    "sprig.nindent(<k>, <s>)",
                    "sprig.replace(<s>, <s>, <s>)",
                    "sprig.plural('one', 'many', <n>)",
                    "sprig.sha256sum(<s>)",
                    "sprig.sha1sum(<s>)",
                    "sprig.sha512sum(<s>)",
                    "sprig.adler32sum(<s>)",
                    "sprig.toString(<a>)",
                    "sprig.join(<s>, <a>)",
                    "sprig.join(',', <l>)",
                    "sprig.seq(<k>)",
                    "sprig.seq(1, <k>)",
                    "sprig.seq(<k>, 2, 9)",
                    "sprig.toJson(<a>)",
                    "sprig.toPrettyJson(<a>)",
                    "sprig.toRawJson(<s>)",
                    "sprig.typeOf(<a>)",
                    "sprig.typeOf(<l>)",
                    "sprig.kindOf(<a>)",
                    "sprig.base(<s>)",
                    "sprig.dir(<s>)",
                    "sprig.clean(<s>)",
                    "sprig.ext(<s>)",
                    "sprig.b64enc(<s>)",
                    "sprig.b64dec(<s>)",
                    "sprig.b32enc(<s>)",
                    "sprig.b32dec(<s>)",
                    "sprig.regexFind(<p>, <s>)",
                    "sprig.regexReplaceAll(<p>, <s>, '[$0]')",
                    "sprig.regexReplaceAll(<p>, <s>, <s>)",
                    "sprig.regexReplaceAllLiteral(<p>, <s>, '$1')",
                    "sprig.regexQuoteMeta(<s>)",
                    "sprig.mustRegexFind(<p>, <s>)",
                    "sprig.fail(<s>)",
                    "sprig.urlJoin(sprig.urlParse(<s>))",
                    "sprig.date(<L>, <x>)",
                    "sprig.date('2006-01-02', 1700000000)",
                    "sprig.dateInZone(<L>, <x>, <z>)",
                    "sprig.htmlDate(<x>)",
                    "sprig.unixEpoch(<t>)",
                    "sprig.duration(<s>)",
                    "sprig.duration(sprig.int64(<n>))",
                    "sprig.durationRound(<D>)",
                    "sprig.hello()",
                )
            ),
            depth,
        )

    def boolean(self, depth: int) -> str:
        if depth <= 0 or self.random.random() < 0.15:
            return self.pick(
                ("true", "false", "item == '5'", *(("# > 1", "# == 'a'", "#") if self.inside else ()))
            )
        return self.fill(
            self.pick(
                (
                    "<n> == <n>",
                    "<n> != <n>",
                    "<a> == <a>",
                    "<l> == <l>",
                    "<m> == <m>",
                    "<s> == <s>",
                    "<n> < <n>",
                    "<n> <= <n> < <n>",
                    "<s> > <s>",
                    "<a> >= <a>",
                    "<b> and <b>",
                    "<b> && <b>",
                    "<b> or <b>",
                    "<b> || <b>",
                    "not <b>",
                    "!<b>",
                    "<a> in <l>",
                    "<n> in <l>",
                    "<n> in 1..5",
                    "<n> not in [1, 2]",
                    "<s> in ['a', 'b']",
                    "<a> in ['a', 'abc']",
                    "<s> in <m>",
                    "<s> contains <s>",
                    "<s> startsWith <s>",
                    "<s> not endsWith <s>",
                    "<s> matches <p>",
                    "<s> not matches <s>",
                    "<a> matches 'a'",
                    "hasPrefix(<s>, <s>)",
                    "hasSuffix(<s>, <s>)",
                    "all(<l>, <B>)",
                    "any(<l>, <B>)",
                    "none(<l>, <B>)",
                    "one(<l>, <B>)",
                    "all(1..3, <B>) && all(1..3, <B>)",
                    "none(1..3, <B>) and none(1..3, <B>)",
                    "<t> < <t>",
                    "<t> == <t>",
                    "<d> > <d>",
                    "<t>.After(<t>)",
                    "sprig.empty(<a>)",
                    "sprig.empty(unknown)",
                    "sprig.all(<a>, <a>)",
                    "sprig.any(<a>)",
                    "sprig.has(<a>, <l>)",
                    "sprig.hasKey(<m>, <s>)",
                    "sprig.contains(<s>, <s>)",
                    "sprig.hasPrefix(<s>, <s>)",
                    "sprig.hasSuffix(<s>, <s>)",
                    "sprig.regexMatch(<p>, <s>)",
                    "sprig.isAbs(<s>)",
                    "sprig.typeIs('string', <a>)",
                    "sprig.kindIs('slice', <a>)",
                    "sprig.deepEqual(<a>, <a>)",
                    "(<b>)",
                    "<b> ? <b> : <b>",
                )
            ),
            depth,
        )

    def list(self, depth: int) -> str:
        if depth <= 0 or self.random.random() < 0.2:
            return self.pick(
                (
                    "[]",
                    "[1, 2, 3]",
                    "['b', 'a', 'b']",
                    "[1, 'a', true, nil, 1.0]",
                    "[1.5, 2]",
                    "[true, 1]",
                    "1..4",
                    "3..1",
                    "[[1, 2], [3]]",
                    "[{a: 1, n: 'x'}, {a: 2}]",
                    "fromJSON(inputs.parameters.list)",
                    "split('a,b,c', ',')",
                    "fromJSON(inputs.parameters.json).k.e",
                    "sprig.splitList(',', 'x,y')",
                    "[item, retries]",
                )
            )
        return self.fill(
            self.pick(
                (
                    "[<a>, <a>]",
                    "[<n>, <n>, <n>]",
                    "[<s>, <s>]",
                    "<n>..<n>",
                    "1..len(<l>)",
                    "filter(<l>, <B>)",
                    "map(<l>, <A>)",
                    "map(<l>, #index)",
                    "map(filter(<l>, <B>), <A>)",
                    "filter(map(<l>, <A>), <B>)",
                    "filter(filter(<l>, <B>), <B>)",
                    "<l>[<n>:]",
                    "<l>[:<n>]",
                    "<l>[<n>:<n>]",
                    "sort(<l>)",
                    "sort(<l>, 'desc')",
                    "sortBy(<l>, #)",
                    "sortBy(<l>, <A>)",
                    "sortBy(<l>, #, 'desc')",
                    "reverse(<l>)",
                    "uniq(<l>)",
                    "concat(<l>, <l>)",
                    "flatten(<l>)",
                    "take(<l>, <n>)",
                    "split(<s>, <s>)",
                    "split(<s>, ',', <n>)",
                    "splitAfter(<s>, ',')",
                    "keys({a: <a>})",
                    "values({a: <a>})",
                    "toPairs({a: <a>})",
                    "keys(groupBy([<a>], #))",
                    "groupBy(<l>, <A>)[<a>]",
                    "<l> | filter(<B>) | map(<A>)",
                    "sprig.list(<a>, <a>)",
                    "sprig.list()",
                    "sprig.append(<l>, <a>)",
                    "sprig.prepend(<l>, <a>)",
                    "sprig.concat(<l>, <l>)",
                    "sprig.rest(<l>)",
                    "sprig.initial(<l>)",
                    "sprig.reverse(<l>)",
                    "sprig.uniq(<l>)",
                    "sprig.without(<l>, <a>)",
                    "sprig.compact(<l>)",
                    "sprig.slice(<l>, <n>)",
                    "sprig.slice(<l>, 0, 1)",
                    "sprig.chunk(2, <l>)",
                    "sprig.sortAlpha(<l>)",
                    "sprig.toStrings(<a>)",
                    "sprig.splitList(<s>, <s>)",
                    "sprig.until(<k>)",
                    "sprig.untilStep(<k>, 9, 3)",
                    "sprig.regexFindAll(<p>, <s>, <n>)",
                    "sprig.regexFindAll(<p>, <s>, -1)",
                    "sprig.regexSplit(<p>, <s>, -1)",
                    "sprig.regexSplit(<p>, <s>, <n>)",
                    "sprig.keys(sprig.dict('a', <a>))",
                    "sprig.values(sprig.dict('a', <a>))",
                    "sprig.pluck('a', <m>, <m>)",
                )
            ),
            depth,
        )

    def map(self, depth: int) -> str:
        if depth <= 0 or self.random.random() < 0.25:
            return self.pick(
                (
                    "{}",
                    "{a: 1}",
                    "{'a': 'x', b: [1]}",
                    "{a: {b: 1}}",
                    "fromJSON(inputs.parameters.json)",
                    "fromJSON(tasks['a-b'].outputs.parameters.p)",
                    "workflow",
                    "item",
                    "sprig.dict('a', 1)",
                )
            )
        return self.fill(
            self.pick(
                (
                    "{a: <a>, 'b': <n>}",
                    "{(<s>): <a>}",
                    "{a: <m>}",
                    "{1: <a>}",
                    "fromPairs([['a', <a>]])",
                    "fromPairs(<l>)",
                    "groupBy(<l>, <A>)",
                    "sprig.dict('a', <a>, 'b', <a>)",
                    "sprig.dict(<a>)",
                    "sprig.set(sprig.dict('a', 1), 'z', <a>)",
                    "sprig.unset(sprig.dict('a', 1, 'b', 2), <s>)",
                    "sprig.pick(<m>, 'a')",
                    "sprig.omit(<m>, 'a', <s>)",
                    "sprig.merge(sprig.dict('a', <a>), <m>)",
                    "sprig.mergeOverwrite(sprig.dict('a', 1), <m>)",
                    "sprig.split(<s>, <s>)",
                    "sprig.splitn(',', <n>, <s>)",
                    "sprig.urlParse(<s>)",
                )
            ),
            depth,
        )

    def time(self, depth: int) -> str:
        if depth <= 0 or self.random.random() < 0.5:
            return self.fill(
                self.pick(
                    (
                        "date(<T>)",
                        "date('2024-02-03')",
                        "date('03/02/2024', '02/01/2006')",
                        "date(<T>, <L>)",
                        "date('2024-07-01 10:00', '2006-01-02 15:04', <z>)",
                        "date(timezone(<z>), '2024-07-01')",
                        "sprig.toDate('2006-01-02', <T>)",
                    )
                ),
                0,
            )
        return self.fill(
            self.pick(
                (
                    "<t> + <d>",
                    "<d> + <t>",
                    "<t> - <d>",
                    "<t>.AddDate(1, -3, 1)",
                    "<t>.UTC()",
                    "<t>.In(timezone(<z>))",
                    "sprig.dateModify(<D>, <t>)",
                )
            ),
            depth,
        )

    def duration(self, depth: int) -> str:
        if depth <= 0 or self.random.random() < 0.5:
            return self.fill("duration(<D>)", 0)
        return self.fill(
            self.pick(
                (
                    "<d> + <d>",
                    "<d> - <d>",
                    "<t> - <t>",
                    "<d> * <n>",
                    "<n> * <d>",
                    "<d>.Round(duration('1m'))",
                    "<d>.Abs()",
                )
            ),
            depth,
        )


class Whens:
    """Writes ``when`` expressions, as they are after their tags were replaced."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def next(self) -> str:
        """Return another expression."""
        text = self.logic(self.random.choice((0, 1, 1, 2)))
        if self.random.random() < 0.08:
            position = self.random.randrange(len(text) + 1)
            if self.random.random() < 0.4:
                return text[:position] + text[position + 1 :]
            return text[:position] + self.random.choice("()[]'\"+-.,?:&|!=<>~ 0ax\\#@{}") + text[position:]
        return text

    def value(self) -> str:
        """Return an operand."""
        if self.random.random() < 0.8:
            return self.random.choice(
                (
                    "a",
                    "heads",
                    "Succeeded",
                    "'a'",
                    '"heads"',
                    "''",
                    "1",
                    "2",
                    "3.5",
                    "10",
                    "true",
                    "foo_bar",
                    "'a b'",
                )
            )
        return self.random.choice(
            (
                "a",
                "heads",
                "tails",
                "Succeeded",
                "foo-bar",
                "a.b",
                "A.B",
                "x_1",
                "true",
                "false",
                "in",
                "nil",
                "1",
                "2",
                "3.5",
                "-1",
                "0x1f",
                "1e3",
                "1.2.3",
                ".5",
                "''",
                '""',
                "'a'",
                '"heads"',
                "'a b'",
                "'it\\'s'",
                "'2020-01-01'",
                "'2020-01-02 10:00'",
                "'3:04PM'",
                "'2020-13-01'",
                "[a b]",
                "[]",
                "é",
                "日本",
                "{{x}}",
                '{"a":1}',
                "http://x",
                "5m",
                "100%",
                "a/b",
                "$HOME",
                "",
            )
        )

    def arithmetic(self, depth: int) -> str:
        if depth <= 0 or self.random.random() < 0.6:
            return self.value()
        operator = self.random.choice(("+", "-", "*", "/", "%", "**", "&", "|", "^", "<<", ">>"))
        left, right = self.arithmetic(depth - 1), self.arithmetic(depth - 1)
        text = f"{left} {operator} {right}"
        if self.random.random() < 0.3:
            return f"{text} {operator if self.random.random() < 0.5 else '-'} {self.value()}"
        return f"({text})" if self.random.random() < 0.5 else text

    def comparison(self, depth: int) -> str:
        chance = self.random.random()
        if chance < 0.1:
            return self.random.choice(("true", "false", "!true", "!(a == a)", "! false"))
        if chance < 0.2:
            items = ", ".join(self.value() for _ in range(self.random.randrange(4)))
            return f"{self.value()} in ({items})"
        if chance < 0.3:
            pattern = self.random.choice(("'^a'", "'h.*s'", "a+", "'('", "heads", "'\\\\d'"))
            return f"{self.value()} {self.random.choice(('=~', '!~'))} {pattern}"
        operator = self.random.choice(("==", "==", "!=", ">", ">=", "<", "<=", "=", "==="))
        space = self.random.choice((" ", " ", "", "  "))
        return f"{self.arithmetic(depth)}{space}{operator}{space}{self.arithmetic(depth)}"

    def logic(self, depth: int) -> str:
        if depth <= 0 or self.random.random() < 0.3:
            return self.comparison(depth)
        chance = self.random.random()
        if chance < 0.1:
            return f"{self.logic(depth - 1)} ? {self.logic(depth - 1)} : {self.logic(depth - 1)}"
        if chance < 0.15:
            return f"{self.logic(depth - 1)} ?? {self.logic(depth - 1)}"
        if chance < 0.3:
            return f"({self.logic(depth - 1)})"
        parts = [self.logic(depth - 1) for _ in range(self.random.choice((2, 2, 3)))]
        return self.random.choice((" && ", " || ", "&&", "||")).join(parts)


STRICT = ("lenient", "all", "tasks,steps", "inputs")
"""How tags are replaced: leaving all that cannot be, none, or none that starts with a prefix."""


class Templates:
    """Writes JSON documents with tags."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.expressions = Expressions(seed + 1)

    def next(self) -> tuple[str, str]:
        """Return another document, and how its tags are replaced."""
        parts = [self.part() for _ in range(self.random.choice((1, 1, 2, 3)))]
        text = "".join(parts)
        document: object = text
        if self.random.random() < 0.3:
            document = {"a": [text, 1, None], self.random.choice(("b", "{{item}}")): {"c": True}}
        return _go_json(document), self.random.choice(STRICT)

    def part(self) -> str:
        """Return a piece of text."""
        chance = self.random.random()
        if chance < 0.2:
            return self.random.choice(
                ("plain ", "é<&>", '"quoted"', "back\\slash", "\n", "{", "}}", "{ {", "$(x)")
            )
        if chance < 0.55:
            return self.tag()
        expression = self.expressions.next()
        if self.random.random() < 0.4:
            expression = self.random.choice(
                (
                    "item",
                    "lastRetry.exitCode",
                    "workflow.status == 'Failed'",
                    "inputs.parameters.nope",
                    "tasks.z.status",
                    "tasks.z.status ?? 'd'",
                    "steps.one.outputs.result + 'x'",
                    "tasks.c.outputs.parameters.gone",
                    "tasks.c.outputs.parameters.gone ?? 'd'",
                    "asInt(inputs.parameters.text)",
                    "nope",
                    "nope('x')",
                    "1 +",
                    "'<' + '>' + '&'",
                    '"a" + "\\n"',
                    "inputs.parameters['text']",
                    "{a: '<'}",
                    "workflow.parameters.x",
                    "nil",
                    "1 < 2",
                    "sprig.nope(1)",
                    "tasks?.z?.status",
                    "item.name + retries",
                )
            )
        if "}}" in expression or "{{" in expression:
            expression = "1"
        return "{{=" + self.random.choice(("", " ")) + expression + "}}"

    def tag(self) -> str:
        """Return a simple tag."""
        name = self.random.choice(
            (
                *VARIABLES,
                "unknown",
                "tasks.z.outputs.result",
                "tasks.z.outputs.artifacts.m",
                "steps.z.id",
                "inputs.parameters.nope",
                "inputs.artifacts.a.path",
                "inputsx",
                "workflow",
                "",
                "inputs.parameters.{{item}}",
                "inputs.parameters.{{tasks.c.outputs.parameters.gone}}",
                "{{item}}",
                "{{unknown}}",
                "lastRetry.exitCode",
            )
        )
        space = self.random.choice(("", "", " ", "\n"))
        end = "}}" if self.random.random() < 0.97 else "}"
        return "{{" + space + name + space + end


def _go_json(document: object) -> str:
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
