"""Which array each array is a later version of."""

from __future__ import annotations

from dataclasses import dataclass, field

from stagec.ir.core import Apply, Block, For, If, Operand, Value, While


@dataclass(slots=True)
class Origins:
    """The value that each value is a later version of, in `of`.

    `starts` has the initial value of each carry that its loop does nothing but write to.
    """

    of: dict[Value, Operand] = field(default_factory=dict[Value, Operand])
    starts: dict[Value, Operand] = field(default_factory=dict[Value, Operand])

    @classmethod
    def of_block(cls, block: Block) -> Origins:
        """The versions that the block makes."""
        found = cls()
        found.block(block)
        return found

    def root(self, operand: Operand) -> Operand:
        """The first version; in a loop, that at the start of the trip."""
        while isinstance(operand, Value) and operand in self.of:
            operand = self.of[operand]
        return operand

    def first(self, operand: Operand) -> Operand:
        """The first version, before the loops too."""
        operand = self.root(operand)
        while isinstance(operand, Value) and operand in self.starts:
            operand = self.root(self.starts[operand])
        return operand

    def block(self, block: Block) -> None:
        """Note the versions that the statements make."""
        for stmt in block.stmts:
            match stmt:
                case Apply() if stmt.op.overwrites is not None:
                    self.of[stmt.outs[0]] = stmt.args[stmt.op.overwrites]
                case If(then=then, orelse=orelse, outs=outs):
                    self.block(then)
                    self.block(orelse)
                    for out, a, b in zip(outs, then.results, orelse.results, strict=True):
                        if self.root(a) is self.root(b):
                            self.of[out] = a
                case (
                    For(init=init, body=body, carry=carry)
                    | While(init=init, body=body, carry=carry)
                ):
                    self.block(body)
                    params = body.params[len(body.params) - len(carry) :]
                    for k, out in enumerate(carry):
                        if self.root(body.results[k]) is params[k]:
                            self.of[out] = self.starts[params[k]] = init[k]
                case _:
                    pass
