"""Which names a function binds, captures and reads.

Works on the tree as parsed (comprehensions and lambdas have scopes of their own) and on the
core language alike. Names that start with a dot are the desugaring's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import gast

COMPREHENSIONS = (gast.ListComp, gast.SetComp, gast.DictComp, gast.GeneratorExp)
_FUNCTIONS = (gast.FunctionDef, gast.AsyncFunctionDef, gast.Lambda)


@dataclass(frozen=True, slots=True)
class FunctionScope:
    """The names of one function.

    Attributes
    ----------
    parameters : in the order of the signature.
    locals : names bound here, parameters included.
    cells : locals that a nested function or class also uses.
    rebound : cells that a nested function rebinds.
    reads : names used here or further in that are bound neither here nor there.
    free : those of `reads` that an enclosing function binds.
    globals, nonlocals : names declared so here.
    is_generator : whether the function yields.
    """

    parameters: tuple[str, ...]
    locals: frozenset[str]
    cells: frozenset[str]
    rebound: frozenset[str]
    reads: frozenset[str]
    free: frozenset[str]
    globals: frozenset[str]
    nonlocals: frozenset[str]
    is_generator: bool


def scope(function: gast.FunctionDef, enclosing: Iterable[str] = ()) -> FunctionScope:
    """The scope of `function`, `enclosing` being the names that functions around it bind."""
    table = _table(function)
    local = table.bound
    used_within = frozenset[str]().union(*(c.outer for c in table.children))
    rebound = frozenset[str]().union(*(_rebinds(c) for c in table.children))
    reads = (table.used - local) | (used_within - local)
    return FunctionScope(
        parameters=tuple(parameters(function.args)),
        locals=frozenset(local),
        cells=frozenset(local & used_within),
        rebound=rebound & local,
        reads=frozenset(reads),
        free=frozenset((reads - table.globals) & frozenset(enclosing)) | table.nonlocals,
        globals=frozenset(table.globals),
        nonlocals=frozenset(table.nonlocals),
        is_generator=table.yields,
    )


def parameters(args: gast.arguments) -> Iterator[str]:
    """The names of the parameters in the order of the signature."""
    for arg in (*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg):
        if arg is not None:
            yield arg.id


def bindings(nodes: Iterable[gast.AST]) -> frozenset[str]:
    """The names that the statements bind in the scope that they stand in."""
    table = _Table()
    for node in nodes:
        _visit(node, table)
    return frozenset(table.stored | table.deleted)


@dataclass(slots=True)
class _Table:
    """What one scope was seen to do with names."""

    is_class: bool = False
    comprehension: bool = False
    stored: set[str] = field(default_factory=set[str])
    deleted: set[str] = field(default_factory=set[str])
    used: set[str] = field(default_factory=set[str])
    globals: set[str] = field(default_factory=set[str])
    nonlocals: set[str] = field(default_factory=set[str])
    yields: bool = False
    children: list[_Table] = field(default_factory=list["_Table"])

    @property
    def bound(self) -> set[str]:
        return (self.stored | self.deleted) - self.globals - self.nonlocals

    @property
    def outer(self) -> set[str]:
        """Names taken from the scopes around; those of a class are seen by none inside it."""
        inner = set[str]().union(*(c.outer for c in self.children))
        if self.is_class:
            return (self.used - self.globals) | inner | self.nonlocals
        return ((self.used | inner) - self.bound - self.globals) | self.nonlocals


def _rebinds(table: _Table) -> set[str]:
    """Names outside the scope that code inside it rebinds."""
    inner = set[str]().union(*(_rebinds(c) for c in table.children))
    return table.nonlocals | (inner if table.is_class else inner - table.bound)


def _table(function: gast.AST) -> _Table:
    """The table of a function or lambda."""
    table = _Table(stored=set(parameters(function.args)))
    body = function.body if isinstance(function.body, list) else [function.body]
    for node in body:
        _visit(node, table)
    return table


def _visit(root: gast.AST, table: _Table) -> None:
    """Record what `root` does with the names of the scope that it stands in."""
    stack: list[gast.AST] = [root]
    while stack:
        node = stack.pop()
        match node:
            case gast.Name(id=name, ctx=ctx):
                _name(name, ctx, table)
            case gast.Global(names=names):
                table.globals |= set(names)
            case gast.Nonlocal(names=names):
                table.nonlocals |= set(names)
            case gast.Import(names=aliases) | gast.ImportFrom(names=aliases):
                table.stored |= {a.asname or a.name.partition(".")[0] for a in aliases}
            case gast.NamedExpr(target=target, value=value) if table.comprehension:
                # binds in the function around; to code here it is a name from outside
                table.nonlocals.add(target.id)
                stack.append(value)
            case gast.MatchAs(name=str(name)) | gast.MatchStar(name=str(name)):
                table.stored.add(name)
                stack += gast.iter_child_nodes(node)
            case gast.MatchMapping(rest=str(name)):
                table.stored.add(name)
                stack += gast.iter_child_nodes(node)
            case gast.Yield() | gast.YieldFrom():
                table.yields = True
                stack += gast.iter_child_nodes(node)
            case _:
                stack += _parts(node, table)


def _parts(node: gast.AST, table: _Table) -> list[gast.AST]:
    """The nodes evaluated in this scope; scopes inside the node become children of `table`."""
    if isinstance(node, _FUNCTIONS):
        child = _table(node)
        args = node.args
        here = [*args.defaults, *(d for d in args.kw_defaults if d is not None)]
        if not isinstance(node, gast.Lambda):
            table.stored.add(node.name)
            here += node.decorator_list
    elif isinstance(node, gast.ClassDef):
        child = _Table(is_class=True)
        for stmt in node.body:
            _visit(stmt, child)
        table.stored.add(node.name)
        here = [*node.decorator_list, *node.bases, *(k.value for k in node.keywords)]
    elif isinstance(node, COMPREHENSIONS):
        child = _comprehension(node)
        table.stored |= _walrus_targets(child)
        here = [node.generators[0].iter]
    else:
        return list(gast.iter_child_nodes(node))
    table.children.append(child)
    return here


def _comprehension(node: gast.AST) -> _Table:
    """The table of a comprehension, its first iterable excluded."""
    child = _Table(comprehension=True)
    first, *rest = node.generators
    elements = [node.key, node.value] if isinstance(node, gast.DictComp) else [node.elt]
    for part in (first.target, *first.ifs, *rest, *elements):
        _visit(part, child)
    return child


def _walrus_targets(comprehension: _Table) -> set[str]:
    """The names that walrus expressions in a comprehension bind in the function around it."""
    inner = (c for c in comprehension.children if c.comprehension)
    return comprehension.nonlocals.union(*map(_walrus_targets, inner))


def _name(name: str, ctx: gast.AST, table: _Table) -> None:
    if isinstance(ctx, gast.Load):
        table.used.add(name)
    elif isinstance(ctx, gast.Del):
        table.deleted.add(name)
    else:
        table.stored.add(name)
