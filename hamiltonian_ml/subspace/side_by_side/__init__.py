"""Rows of a batch side by side: most of the work in single precision, every answer checked in double.

A group of rows goes through the list of pairs together, each in lanes of its own, which costs little more than one of
them. `levels` finds ground states and second levels, `adjoint` the response to an objective; both improve an answer of
single precision by corrections whose right-hand sides are made in double precision. What they leave unsolved,
`lobpcg` and `adjoint` of the folder above solve, one row after the other.
"""
