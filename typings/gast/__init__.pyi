"""Types of gast, whose classes are made at run time."""

from collections.abc import Iterator
from typing import Any, TypeVar

_N = TypeVar("_N", bound=AST)

class AST:
    _fields: tuple[str, ...]
    _attributes: tuple[str, ...]
    lineno: int
    col_offset: int
    end_lineno: int
    end_col_offset: int
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
    def __getattr__(self, name: str) -> Any: ...
    def __setattr__(self, name: str, value: Any, /) -> None: ...

class mod(AST): ...
class stmt(AST): ...
class expr(AST): ...
class expr_context(AST): ...
class slice(expr): ...
class boolop(AST): ...
class operator(AST): ...
class unaryop(AST): ...
class cmpop(AST): ...
class excepthandler(AST): ...
class pattern(AST): ...
class type_param(AST): ...
class TypeIgnore(AST): ...

class Module(mod):
    body: Any
    type_ignores: Any

class Interactive(mod):
    body: Any

class Expression(mod):
    body: Any

class FunctionType(mod):
    argtypes: Any
    returns: Any

class FunctionDef(stmt):
    name: Any
    args: Any
    body: Any
    decorator_list: Any
    returns: Any
    type_comment: Any
    type_params: Any

class AsyncFunctionDef(stmt):
    name: Any
    args: Any
    body: Any
    decorator_list: Any
    returns: Any
    type_comment: Any
    type_params: Any

class ClassDef(stmt):
    name: Any
    bases: Any
    keywords: Any
    body: Any
    decorator_list: Any
    type_params: Any

class Return(stmt):
    value: Any

class Delete(stmt):
    targets: Any

class Assign(stmt):
    targets: Any
    value: Any
    type_comment: Any

class TypeAlias(stmt):
    name: Any
    type_params: Any
    value: Any

class AugAssign(stmt):
    target: Any
    op: Any
    value: Any

class AnnAssign(stmt):
    target: Any
    annotation: Any
    value: Any
    simple: Any

class For(stmt):
    target: Any
    iter: Any
    body: Any
    orelse: Any
    type_comment: Any

class AsyncFor(stmt):
    target: Any
    iter: Any
    body: Any
    orelse: Any
    type_comment: Any

class While(stmt):
    test: Any
    body: Any
    orelse: Any

class If(stmt):
    test: Any
    body: Any
    orelse: Any

class With(stmt):
    items: Any
    body: Any
    type_comment: Any

class AsyncWith(stmt):
    items: Any
    body: Any
    type_comment: Any

class Match(stmt):
    subject: Any
    cases: Any

class Raise(stmt):
    exc: Any
    cause: Any

class Try(stmt):
    body: Any
    handlers: Any
    orelse: Any
    finalbody: Any

class TryStar(stmt):
    body: Any
    handlers: Any
    orelse: Any
    finalbody: Any

class Assert(stmt):
    test: Any
    msg: Any

class Import(stmt):
    names: Any

class ImportFrom(stmt):
    module: Any
    names: Any
    level: Any

class Global(stmt):
    names: Any

class Nonlocal(stmt):
    names: Any

class Expr(stmt):
    value: Any

class Pass(stmt): ...
class Break(stmt): ...
class Continue(stmt): ...

class BoolOp(expr):
    op: Any
    values: Any

class NamedExpr(expr):
    target: Any
    value: Any

class BinOp(expr):
    left: Any
    op: Any
    right: Any

class UnaryOp(expr):
    op: Any
    operand: Any

class Lambda(expr):
    args: Any
    body: Any

class IfExp(expr):
    test: Any
    body: Any
    orelse: Any

class Dict(expr):
    keys: Any
    values: Any

class Set(expr):
    elts: Any

class ListComp(expr):
    elt: Any
    generators: Any

class SetComp(expr):
    elt: Any
    generators: Any

class DictComp(expr):
    key: Any
    value: Any
    generators: Any

class GeneratorExp(expr):
    elt: Any
    generators: Any

class Await(expr):
    value: Any

class Yield(expr):
    value: Any

class YieldFrom(expr):
    value: Any

class Compare(expr):
    left: Any
    ops: Any
    comparators: Any

class Call(expr):
    func: Any
    args: Any
    keywords: Any

class FormattedValue(expr):
    value: Any
    conversion: Any
    format_spec: Any

class Interpolation(expr):
    value: Any
    str: Any
    conversion: Any
    format_spec: Any

class JoinedStr(expr):
    values: Any

class TemplateStr(expr):
    values: Any

class Constant(expr):
    value: Any
    kind: Any

class Attribute(expr):
    value: Any
    attr: Any
    ctx: Any

class Subscript(expr):
    value: Any
    slice: Any
    ctx: Any

class Starred(expr):
    value: Any
    ctx: Any

class Name(expr):
    id: Any
    ctx: Any
    annotation: Any
    type_comment: Any

class List(expr):
    elts: Any
    ctx: Any

class Tuple(expr):
    elts: Any
    ctx: Any

class Load(expr_context): ...
class Store(expr_context): ...
class Del(expr_context): ...
class Param(expr_context): ...

class Slice(slice):
    lower: Any
    upper: Any
    step: Any

class And(boolop): ...
class Or(boolop): ...
class Add(operator): ...
class Sub(operator): ...
class Mult(operator): ...
class MatMult(operator): ...
class Div(operator): ...
class Mod(operator): ...
class Pow(operator): ...
class LShift(operator): ...
class RShift(operator): ...
class BitOr(operator): ...
class BitXor(operator): ...
class BitAnd(operator): ...
class FloorDiv(operator): ...
class Invert(unaryop): ...
class Not(unaryop): ...
class UAdd(unaryop): ...
class USub(unaryop): ...
class Eq(cmpop): ...
class NotEq(cmpop): ...
class Lt(cmpop): ...
class LtE(cmpop): ...
class Gt(cmpop): ...
class GtE(cmpop): ...
class Is(cmpop): ...
class IsNot(cmpop): ...
class In(cmpop): ...
class NotIn(cmpop): ...

class comprehension(AST):
    target: Any
    iter: Any
    ifs: Any
    is_async: Any

class ExceptHandler(excepthandler):
    type: Any
    name: Any
    body: Any

class arguments(AST):
    args: Any
    posonlyargs: Any
    vararg: Any
    kwonlyargs: Any
    kw_defaults: Any
    kwarg: Any
    defaults: Any

class keyword(AST):
    arg: Any
    value: Any

class alias(AST):
    name: Any
    asname: Any

class withitem(AST):
    context_expr: Any
    optional_vars: Any

class match_case(AST):
    pattern: Any
    guard: Any
    body: Any

class MatchValue(pattern):
    value: Any

class MatchSingleton(pattern):
    value: Any

class MatchSequence(pattern):
    patterns: Any

class MatchMapping(pattern):
    keys: Any
    patterns: Any
    rest: Any

class MatchClass(pattern):
    cls: Any
    patterns: Any
    kwd_attrs: Any
    kwd_patterns: Any

class MatchStar(pattern):
    name: Any

class MatchAs(pattern):
    pattern: Any
    name: Any

class MatchOr(pattern):
    patterns: Any

class TypeVar(type_param):
    name: Any
    bound: Any
    default_value: Any

class ParamSpec(type_param):
    name: Any
    default_value: Any

class TypeVarTuple(type_param):
    name: Any
    default_value: Any

class NodeVisitor:
    def visit(self, node: AST) -> Any: ...
    def generic_visit(self, node: AST) -> Any: ...

class NodeTransformer(NodeVisitor): ...

def ast_to_gast(node: Any) -> Any: ...
def gast_to_ast(node: AST) -> Any: ...
def parse(*args: Any, **kwargs: Any) -> Module: ...
def unparse(node: AST) -> str: ...
def dump(node: AST, annotate_fields: bool = True, include_attributes: bool = False) -> str: ...
def copy_location(new_node: _N, old_node: AST) -> _N: ...
def fix_missing_locations(node: _N) -> _N: ...
def increment_lineno(node: _N, n: int = 1) -> _N: ...
def iter_fields(node: AST) -> Iterator[tuple[str, Any]]: ...
def iter_child_nodes(node: AST) -> Iterator[AST]: ...
def walk(node: AST) -> Iterator[AST]: ...
def get_docstring(node: AST, clean: bool = True) -> str | None: ...
def literal_eval(node: AST | str) -> Any: ...
