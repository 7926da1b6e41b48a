"""Loss expressions: primitives, trees, text, random graphs, mutations, canonical form, evaluation."""

from mmautoloss.expr.canonical_form import canonical, inputs_of_gradient, simplify, without_pools
from mmautoloss.expr.custom import custom_primitives, declare_primitives, register_primitive
from mmautoloss.expr.genome import Genome
from mmautoloss.expr.latex import to_latex
from mmautoloss.expr.mutation import MUTATIONS, mutate
from mmautoloss.expr.parsing import parse
from mmautoloss.expr.prefix import parse_prefix
from mmautoloss.expr.primitives import DRAWN, EPS, PRIMITIVES, PUBLISHED, Primitive
from mmautoloss.expr.program import Program, compile_tree
from mmautoloss.expr.random_trees import random_tree
from mmautoloss.expr.template import Template
from mmautoloss.expr.tree import Tree, apply

__all__ = [
    'DRAWN',
    'EPS',
    'MUTATIONS',
    'PRIMITIVES',
    'PUBLISHED',
    'Genome',
    'Primitive',
    'Program',
    'Template',
    'Tree',
    'apply',
    'canonical',
    'compile_tree',
    'custom_primitives',
    'declare_primitives',
    'inputs_of_gradient',
    'mutate',
    'parse',
    'parse_prefix',
    'random_tree',
    'register_primitive',
    'simplify',
    'to_latex',
    'without_pools',
]
