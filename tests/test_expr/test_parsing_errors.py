"""Text that is no expression: always an ExpressionError that names the offending part."""

from __future__ import annotations

import warnings

import pytest

from mmautoloss.errors import ExpressionError, MMAutoLossError
from mmautoloss.expr import parse
from mmautoloss.expr.parsing import MAX_CHARACTERS

# text: part of the message
REFUSED = {
    # what could reach Python
    "__import__('os')": "Unknown operator '__import__'",
    "__import__('os').system('true')": 'Unknown operator "__import__(\'os\').system"',
    'p.grad': "'p.grad' is not allowed",
    'torch.exp(p)': "Unknown operator 'torch.exp'",
    'lambda: p': "'lambda: p' is not allowed",
    '(lambda: p)()': "Unknown operator 'lambda: p'",
    '[p for p in y]': "'[p for p in y]' is not allowed",
    'p[0]': "'p[0]' is not allowed",
    'f"{p}"': 'is not allowed',
    '(q := p)': 'is not allowed',
    'await p': 'is not allowed',
    'open("x")': "Unknown operator 'open'",
    'eval("1")': "Unknown operator 'eval'",
    # operators
    'relu(p)': "Unknown operator 'relu' (there are: add, mul",
    'square': "The operator 'square' needs its operands in brackets",
    'p * log': "The operator 'log' needs its operands in brackets",
    'p + max_pool': "The operator 'max_pool' needs its operands in brackets",
    'log()': "'log' takes 1 operand(s), but got 'log()'",
    'log(p, y)': "'log' takes 1 operand(s), but got 'log(p, y)'",
    'add(p)': "'add' takes 2 operand(s), but got 'add(p)'",
    'log(x=p)': "'log' takes 1 operand(s), but got 'log(x=p)'",
    'log(p, x=1)': "but got 'log(p, x=1)'",
    'log(*p)': "'*p' is not allowed",
    'add(**p)': "but got 'add(**p)'",
    'log(p)(y)': "Unknown operator 'log(p)'",
    '1(p)': "Unknown operator '1'",
    'p % y': "Unknown operator in 'p % y'",
    'p // y': "Unknown operator in 'p // y'",
    'p @ y': "Unknown operator in 'p @ y'",
    'p | y': "Unknown operator in 'p | y'",
    '~p': "Unknown sign in '~p'",
    'not p': "Unknown sign in 'not p'",
    # no numbers, no tensors
    'p < y': "'p < y' is not allowed",
    'p and y': "'p and y' is not allowed",
    'p if y else 1': "'p if y else 1' is not allowed",
    'p, y': "'(p, y)' is not allowed",
    '[p]': "'[p]' is not allowed",
    '{p: y}': 'is not allowed',
    "'p'": "'p' is no number",
    "b'p'": "b'p' is no number",
    'p + True': 'True is no number',
    'None': 'None is no number',
    '...': 'Ellipsis is no number',
    '1j': '1j is no number',
    # exponents
    'p ** 65': 'An exponent must be a number of at most 64 and not 0, but got 65',
    'p ** -65': 'at most 64 and not 0, but got -65',
    'p ** 0': 'but got 0; write 1 for a power of 0',
    'pow(p, y)': "The exponent 'y' must be a number (write exp(y * log(x)) where x is positive)",
    'p ** (1 / 0)': "The exponent '1 / 0' must be",
    'p ** 1.5': 'The power 1.5 is read of what is never negative, a probability or such as abs(x), but got p',
    '(p - y) ** -0.7': 'Write exp(-0.7 * log(x)) where x is positive, or abs(x) ** -0.7',
    'p ** 1' + '0' * 400: 'at most 64 and not 0, but got inf',
    'pow(p, -1' + '0' * 400 + ')': 'at most 64 and not 0, but got -inf',
    'p ** (1' + '0' * 400 + ' / 2)': 'at most 64 and not 0, but got inf',
    # words of other notations
    'neg(dot(y, log(p)))': 'the product of a and b is a * b; a loss is summed over positions and channels by itself',
    'Dot(y, p)': 'mmautoloss.expr.parse_prefix reads the notation of CSE-Autoloss',
    'Sig(X)': 'mmautoloss.expr.parse_prefix reads the notation of CSE-Autoloss',
    'log1p(p)': 'log1p(x) is log(1 + x)',
    'mean(p)': 'mean_nhw(x) is the mean over all positions of a channel, mean_c(x)',
    'torch.log(p)': 'write log)',
    'Log(p)': 'write log; mmautoloss.expr.parse_prefix reads the notation of CSE-Autoloss',
    'max(p, y)': 'the larger of a and b is 0.5 * (a + b + abs(a - b))',
    'sub(p)': "'sub' takes 2 operand(s), but got 'sub(p)'",
    'ln': "The operator 'ln' needs its operands in brackets",
    'p ** True': "The exponent 'True' must be",
    'p ** y': "The exponent 'y' must be",
    '2 ** 2 ** 2': "The exponent '2 ** 2' must be",
    'p ** "2"': 'The exponent "\'2\'" must be',
    # numbers out of range
    '1e999': 'finite and not negative, but got inf',
    'p - 1e999': 'finite and not negative, but got inf',
    '9' * 400: 'finite and not negative, but got inf',
    # no grammar
    '(p': 'Cannot read',
    'p)': 'Cannot read',
    'log(p]': 'Cannot read',
    'p +': 'Cannot read',
    'p y': 'Cannot read',
    'p;y': 'Cannot read',
    'p = y': 'Cannot read',
    'import os': 'Cannot read',
    'p \\': 'Cannot read',
    'p\0': 'Cannot read',
    '"': 'Cannot read',
    'p¹': 'Cannot read',
    'p # y': 'Comments are not allowed',
    'p # first\n+ y': 'Comments are not allowed',  # would be read as p alone
}
SHAPELESS = {
    'empty': '',
    'blank': ' \n\t',
    'None': None,
    'number': 1,
    'bytes': b'p',
    'list': ['p'],
}
LIMITS = {
    'too long': ('p+' * (MAX_CHARACTERS // 2) + 'p', f'may have {MAX_CHARACTERS} characters'),
    '5000 brackets': ('(' * 5000 + 'p' + ')' * 4999, 'expression'),
    '5000 open brackets': ('(' * 5000, 'expression'),
    '5000 square brackets': ('[' * 5000, 'expression'),
    '9000 signs': ('-' * 9000 + 'p', 'nested'),
    '4000 terms': ('p+' * 4000 + 'p', 'nested'),
    '900 signs': ('-' * 900 + 'p', 'nested'),
    '900 attributes': ('p' + '.p' * 900, 'nested'),
    '1600 calls': ('exp(' * 1600 + 'p' + ')' * 1600, 'expression'),
    '9000 digits': ('9' * 9000, 'expression'),
}


def refuse(text: object) -> str:
    """The message with which a text is refused; warnings of Python's parser would be noise."""
    with warnings.catch_warnings(), pytest.raises(ExpressionError) as caught:
        warnings.simplefilter('error')
        parse(text)
    assert isinstance(caught.value, MMAutoLossError)
    assert isinstance(caught.value, ValueError)
    return str(caught.value)


@pytest.mark.parametrize('text', REFUSED, ids=lambda text: ascii(text[:24]))
def test_names_the_offending_part_and_the_expression(text):
    message = refuse(text)
    assert REFUSED[text] in message
    assert repr(text) in message


@pytest.mark.parametrize(('text', 'part'), [('P * y', 'write p'), ('e ** p', 'exp(x)'), ('exp(q)', 'p, y)')])
def test_an_unknown_input_gets_a_hint(text, part):
    with pytest.raises(ExpressionError, match='Unknown input') as caught:
        parse(text, ('p', 'y'))
    assert part in str(caught.value)


def test_what_is_no_grammar_is_told_without_a_line_of_python():
    assert refuse('p y').endswith(': invalid syntax.')


@pytest.mark.parametrize('text', SHAPELESS.values(), ids=SHAPELESS)
def test_what_is_no_text_gets_an_example(text):
    message = refuse(text)
    assert repr(text) in message
    assert 'mean_c(y * log(p))' in message


@pytest.mark.parametrize(('text', 'part'), LIMITS.values(), ids=LIMITS)
def test_no_text_exhausts_the_parser(text, part):
    assert part in refuse(text)
