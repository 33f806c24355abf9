"""What an operator's templates are written in: Django's template language, with little of it left.

Left are values, conditions, and filling in the blocks of a layout. There is nothing that loads, includes,
repeats, computes or looks into a value, so a template shows what it is given and costs what it is long.
Whatever goes into HTML is escaped, and nothing switches that off.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.template import Context, Engine, Library, Origin, Template, TemplateSyntaxError, loader_tags
from django.template import defaultfilters as filters
from django.template import defaulttags as tags
from django.template.base import FilterExpression, Lexer, Node, Parser, TextNode, Token, TokenType, Variable
from django.template.loader import get_template

from customers.mail.folder import NAME, Source, unusable

TAG_MAX = 300  # characters; a condition of thousands of terms takes seconds
SHIPPED_LAYOUT = "mail/base.html"
TAGS = "if, elif, else, endif, block, endblock, comment, endcomment; and extends at the very top"
# Django shows these as they stand: a tag that is not closed on its line, or a comment of several lines.
# The ends alone are no sign: a style sheet has }} too.
UNREAD = re.compile(r"\{\{|\{%|\{#(?=.*?#\})", re.DOTALL)
QUOTED = re.compile(r"""extends\s+(?P<quote>["'])(?P<name>[^"']*)(?P=quote)\s*""")

Find = Callable[[str], Source | None]

register = Library()
register.tag("if", tags.do_if)
register.tag("comment", tags.comment)
register.tag("block", loader_tags.do_block)
register.filter("default", filters.default)
register.filter("lower", filters.lower)
register.filter("upper", filters.upper)
register.filter("capfirst", filters.capfirst)
FILTERS = ", ".join(sorted(register.filters))


def render(source: Source, values: Mapping[str, object], find: Find) -> str:
    """Fill a template in; `find` gives the layouts of its folder. Raise CannotCompose."""
    plain = {name: "" if value is None else str(value) for name, value in values.items()}
    template = _compiled(source, _Engine(plain, find))
    try:
        return template.render(Context(plain, autoescape=source.is_html))
    except RecursionError:
        raise _too_deep(source) from None


@register.tag("extends")
def _extends(parser: "_Parser", token: Token) -> Node:
    """Take a layout of the same folder, or the shipped one; a layout itself takes none."""
    quoted = QUOTED.fullmatch(token.contents)
    if quoted is None:
        raise TemplateSyntaxError('extends takes one name in quotes: {% extends "base.html" %}.')
    if parser.is_layout:
        raise TemplateSyntaxError("a layout cannot extend another one. Take the line out.")
    layout = parser.engine.find_template(quoted["name"])[0]
    node = loader_tags.do_extends(parser, token)
    _require_shown(parser, node, layout, quoted["name"])
    return node


class _Engine(Engine):
    """Knows the tags and filters above, and no others; a layout is found by its plain name alone."""

    default_builtins: ClassVar[list[str]] = []

    def __init__(self, known: Mapping[str, str], find: Find) -> None:
        super().__init__(builtins=[__name__])
        self.known = known
        self._find = find

    def find_template(self, name: str, dirs: Any = None, skip: Any = None) -> tuple[Template, Origin]:
        if name == SHIPPED_LAYOUT:
            shipped: Template = get_template(name).template  # type: ignore[attr-defined]
            return shipped, shipped.origin
        plain = NAME.fullmatch(name)
        source = self._find(plain[0]) if plain else None  # as a plain str, and not Django's safe one
        if source is None:
            raise TemplateSyntaxError(
                f"there is no layout {name!r}: name a file of the folder, or {SHIPPED_LAYOUT}."
            )
        layout = _compiled(source, self, is_layout=True)
        return layout, layout.origin


class _Template(Template):
    is_layout = False

    def compile_nodelist(self) -> Any:
        return _Parser(self).parse()


class _Layout(_Template):
    is_layout = True


class _Parser(Parser):
    """Django's, which knows beforehand what may be asked for."""

    def __init__(self, template: _Template) -> None:
        tokens = Lexer(template.source).tokenize()
        for token in tokens:
            self._require_read(token)
        super().__init__(tokens, {}, template.engine.template_builtins, template.origin)
        self.engine: Any = template.engine
        self.is_layout = template.is_layout

    def _require_read(self, token: Token) -> None:
        found = UNREAD.search(token.contents) if token.token_type == TokenType.TEXT else None
        if found:
            token.lineno = (token.lineno or 1) + token.contents.count("\n", 0, found.start())
            what = (
                f"what begins with {found[0]} is not closed on its line, so it would be shown as it stands."
            )
            raise self.error(token, f"{what} Write it on one line.")

    def next_token(self) -> Token:
        token = super().next_token()
        if token.token_type != TokenType.TEXT and len(token.contents) > TAG_MAX:
            raise self.error(token, f"a tag is longer than {TAG_MAX} characters. Make it shorter.")
        return token

    def compile_filter(self, token: str) -> FilterExpression:
        expression = super().compile_filter(token)
        arguments = [
            argument for _, given in expression.filters for is_variable, argument in given if is_variable
        ]
        for variable in (expression.var, *arguments):
            if isinstance(variable, Variable) and variable.lookups is not None:
                self._require_known(str(variable.var))
        return expression

    def find_filter(self, filter_name: str) -> Any:
        if filter_name not in self.filters:
            raise TemplateSyntaxError(f"there is no filter {filter_name} here. Take one of: {FILTERS}.")
        return super().find_filter(filter_name)

    def invalid_block_tag(self, token: Token, command: str, parse_until: Any = None) -> None:
        raise self.error(token, f"the tag {command} is not known or not open here. Take one of: {TAGS}.")

    def _require_known(self, name: str) -> None:
        known: Mapping[str, str] = self.engine.known
        if name not in known and name not in ("True", "False", "None"):
            raise TemplateSyntaxError(
                f"there is no variable {name}. Take one of: {', '.join(sorted(known))}."
            )


def _compiled(source: Source, engine: _Engine, *, is_layout: bool = False) -> Template:
    kind = _Layout if is_layout else _Template
    try:
        return kind(source.text, Origin(source.file, source.file), source.file, engine)
    except TemplateSyntaxError as error:
        what = f"{error}" if f"{error}".endswith(".") else f"{error}. Correct it."
        raise unusable(source.file, what, error.token.lineno) from None  # type: ignore[attr-defined]
    except RecursionError:
        raise _too_deep(source) from None


def _require_shown(parser: "_Parser", node: loader_tags.ExtendsNode, layout: Template, name: str) -> None:
    """Refuse what the layout would leave out without a word."""
    blocks = {block.name for block in layout.nodelist.get_nodes_by_type(loader_tags.BlockNode)}  # type: ignore[attr-defined]
    for block in node.blocks.values():
        if block.name not in blocks:
            what = f"{name} has no block {block.name}. Take one of: {', '.join(sorted(blocks))}."
            raise parser.error(block.token, what)  # type: ignore[arg-type]
    for stray in node.nodelist:
        is_blank = isinstance(stray, TextNode) and not stray.s.strip()
        if not is_blank and not isinstance(stray, loader_tags.BlockNode | tags.CommentNode):
            what = "what stands outside of the blocks is not shown. Move it into one."
            raise parser.error(stray.token, what)  # type: ignore[arg-type]


def _too_deep(source: Source) -> Exception:
    return unusable(source.file, "its conditions and blocks nest too deep. Make it simpler.")
