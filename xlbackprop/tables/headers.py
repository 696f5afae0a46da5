"""What people write above a column or beside a cell, and which quantity they mean by it.

The classroom has one notation and many spellings of it: `a_h1`, `out_h1` and `act h1` are the same
number, and the sign of a partial derivative is ∂ here, 𝟃, δ or d there, or is left out.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from xlbackprop.backprop import notation

#: No header is longer; what is, is a sentence.
_LONGEST = 40

_NEURON = r"[ho]\d+"
# our own names, which need no guessing; with several hidden layers the layer stands first: h1_2
_OWN = re.compile(
    r"[itwb]\d+|(?:a_|delta_)?h\d+(?:_\d+)?|(?:a_|delta_|e_)?o\d+|E\d+|E_total|o_max|e_sum|step|eta"
    r"|dE_d[wb]\d+|dE_da_[ho]\d+(?:_\d+)?|da_([ho]\d+(?:_\d+)?)_d\1"
)
_ETA = r"(?:η|ɳ|ƞ|eta|lr|learningrate|learnrate|alpha|α|stepsize)"
# the sign of a partial derivative, and the error that is derived
_D = r"(?:[∂dδ∇ðдә∆]|del)"
_ERROR = r"(?:e|err|error|l|loss|c|cost|j)"
_TOTAL = r"(?:t|tot|total|sum)"
# b1, b_h1, b1_h, bias h1, θ1; b_h of a layer
_BIAS = r"(?:b|bias|biasof|θ|theta)(?:[ho]?\d+|\d+[ho]|[ho]|(?:hidden|output)(?:layer)?)"
_TRAINED = rf"w\d+|{_BIAS}"

# in the order in which they are tried; spaces, underscores and brackets are gone by then
_SPELLINGS = [
    (re.compile(pattern), name)
    for pattern, name in (
        (rf"{_ETA}+", "eta"),
        (r"(?:t|target|targ|tgt|desired|expected|exp)o?(\d+)", "t{0}"),
        (r"(?:i|x|in|inp|input)(\d+)", "i{0}"),
        (r"(?:w|wt|weight)(\d+)", "w{0}"),
        (rf"({_BIAS})", "{0}"),
        # a_01 with a zero for the o
        (r"(?:a|out|act|alpha|α|σ|f)0([1-9])", "a_o{0}"),
        (rf"(?:a|ao|out|output|act|activ|activation|alpha|α|sig|sigm|sigmoid|σ|s|f)({_NEURON})", "a_{0}"),
        (rf"({_NEURON})(?:out|output|act|activation|a)", "a_{0}"),
        # ha1, oa1: the letter of the activation between layer and number
        (r"([ho])a(\d+)", "a_{0}{1}"),
        (r"(?:out|output|pred|predicted|ŷ|ŷ|yhat)(\d+)", "a_o{0}"),
        # an output to some, a target to others
        (r"y(\d+)", "y{0}"),
        # a change, and no derivative: -η ∂E/∂w1
        (rf"\?({_TRAINED})", "change_{0}"),
        (rf"(?:net|in|input|sum|z|netinput)?({_NEURON})", "{0}"),
        (rf"({_NEURON})(?:net|in|input|sum|z)", "{0}"),
        (rf"(?:{_ERROR})o?(\d+)", "E{0}"),
        (rf"(?:σ|∑)?{_ERROR}{_TOTAL}?|{_TOTAL}{_ERROR}|e1\+e2|mse", "E_total"),
        (rf"(?:{_D}?{_ERROR}{_TOTAL}?)?[/-]?{_D}/?({_TRAINED})|{_D}?{_ERROR}{_TOTAL}?/({_TRAINED})", "dE_d{0}"),
        # one output's share of it, which is all of it for an output weight
        (rf"{_D}{_ERROR}o?(\d+)/?{_D}({_TRAINED})", "dE{0}_d{1}"),
        (rf"(?:grad|gradient|g)({_TRAINED})|({_TRAINED})(?:grad|gradient)", "dE_d{0}"),
        (rf"{_D}{_ERROR}{_TOTAL}?/?{_D}(?:a|out)({_NEURON})", "dE_da_{0}"),
        (rf"{_D}{_ERROR}o?(\d+)/?{_D}(?:a|out)({_NEURON})", "dE{0}_da_{1}"),
        (rf"{_D}(?:a|out)({_NEURON})/?{_D}(?:net)?\1", "da_{0}_d{0}"),
        (rf"{_D}{_ERROR}{_TOTAL}?/?{_D}(?:net)?({_NEURON})|(?:δ|delta)({_NEURON})", "delta_{0}"),
        (rf"{_D}{_ERROR}o?(\d+)/?{_D}(?:net)?({_NEURON})", "delta{0}_{1}"),
        (r"step|epoch|iteration|iter", "step"),
    )
]


# letters that look like Latin ones, and signs that look like a slash
_LOOKALIKES = str.maketrans("ЕеОоАаТтНнІіωΩ⁄∕÷", "EeOoAaTtHhIiwW///")


@lru_cache(maxsize=4096)
def quantity(header: str) -> str | None:
    """The ASCII name of the quantity that a header means: `dE_dw1` for `∂E_t / ∂w1`; None if it means none."""
    text = header.strip()
    # E_0.1 and error 0.5 compare learning rates
    if not text or len(text) > _LONGEST or re.search(r"\d[.,]\d", text):
        return None
    own = notation.name(text)
    if _OWN.fullmatch(own):
        return own
    for wording in _wordings(text.translate(_LOOKALIKES)):
        if found := _spelled(wording):
            return found
    return None


def _wordings(text: str) -> Iterator[str]:
    """A header as it stands, and without what people add: a number in front, a remark, the formula itself."""
    yield text
    text = re.sub(r"^\d+[.)]\s*", "", text).rstrip("*'")
    yield text
    yield re.sub(r"\s*(\([^)]*\)|\[[^]]*\])$", "", text)
    yield text.replace("-", "")
    name, equals, formula = text.partition("=")
    # η=0.1 E_total is E_total of a run, not η
    if equals and re.match(r"\W*[a-zσ∂]", formula, re.IGNORECASE):
        yield name


def _spelled(text: str) -> str | None:
    # subscripts become digits, and 𝟃 and 𝜕 become ∂; a capital Δ before a weight is a change, not a derivative
    plain = unicodedata.normalize("NFKC", re.sub(r"^[Δ∆]\s*(?=[wbWBθΘ])", "?", text)).casefold()
    plain = re.sub(r"[\s_(){}\[\]\\$^:,.\u200b\ufeff]", "", plain).removesuffix("=")
    for pattern, name in _SPELLINGS:
        if match := pattern.fullmatch(plain):
            return name.format(*(_bias(part) for part in match.groups() if part))
    return None


def _bias(part: str) -> str:
    """The name of a bias for what it is called: b_h1 for bias h1 and b1_h; anything else as it is."""
    if not re.fullmatch(_BIAS, part):
        return part
    rest = re.sub(r"biasof|bias|theta|θ|^b|layer|idden|utput", "", part)
    layer, number = re.sub(r"\d", "", rest), re.sub(r"\D", "", rest)
    return f"b_{layer}{number}" if layer else f"b{number}"
