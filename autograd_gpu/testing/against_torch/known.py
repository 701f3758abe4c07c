"""Differences that are known, each with its reason, which docs/differences.md gives too."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .compare import Difference


@dataclass(frozen=True)
class Known:
    """A kind of difference: what it looks like, and words of docs/differences.md where its reason stands."""

    reason: str
    documented: str
    kind: str = ".*"
    theirs: str = ""
    ours: str = ""
    call: str = ""

    def explains(self, call: str, difference: Difference) -> bool:
        return bool(
            re.fullmatch(self.kind, difference.kind)
            and re.search(self.theirs, difference.theirs)
            and re.search(self.ours, difference.ours)
            and re.search(self.call, call)
        )


_CONSTANTS = (
    r"\b(eq|ne|lt|le|gt|ge|greater|less|greater_equal|less_equal|not_equal|logical_\w+|heaviside)_?\("
    r"|unique|histogram|bincount|poisson|binomial|bernoulli"
)

KNOWN = [
    Known("rounded once, where PyTorch rounds in between", "rounded once", kind=".*nearer to PyTorch's float64"),
    Known(
        "a kernel for a dtype that PyTorch's CPU has none for",
        "dtypes that PyTorch's CPU has no kernel for",
        kind=".*is given, PyTorch raises",
        theirs=r"not implemented for|not supported for|\"\w+\" not implemented",
    ),
    Known(
        "pools and convolutions of integers, which PyTorch's GPU has not either",
        "pools, convolutions and norms of integers",
        kind="result: raises",
        ours=r"not implemented for '?(torch\.)?(u?int\d+|Int|Long|Byte|Char|Short|bool|Bool)",
    ),
    Known(
        "a dtype is refused by the name of the operation, not of a kernel",
        "by the operation's name",
        kind=".*exception type",
        theirs=r"not implemented for '",
        ours="not implemented|loating|only support|bool tensor|nteger|can't be cast|should be the same",
    ),
    Known(
        "a derivative that PyTorch has not",
        "derivatives that PyTorch has not",
        kind=".*is given, PyTorch raises",
        theirs=r"derivative for .* is not implemented|not differentiable|does not support|not implemented|forward AD",
    ),
    Known(
        "a derivative that PyTorch has not",
        "derivatives that PyTorch has not",
        kind="result: requires_grad",
        call=r"modified_bessel_[ik][01]\(",
    ),
    Known(
        "a row without a gradient has no tangent",
        "a tangent's rule",
        kind="tangents: values",
        call=r"embedding\(.*, (-?\d+|padding_idx=.*|scale_grad_by_freq=True)\)$",
    ),
    Known(
        "what is no integer's number",
        "as whole numbers",
        kind="result: values",
        call=r"\.(long|int|short|char|byte|to)\(",
        theirs="-2147483648|-9223372036854775808",
    ),
    Known(
        "a result that is a constant requires no grad",
        "constants require none",
        kind="result: requires_grad",
        call=_CONSTANTS,
    ),
    Known(
        "which of equal elements an index names",
        "which of equal elements",
        kind="result: values",
        call=r"kthvalue|topk|median|mode\(|sort\(",
    ),
    Known(
        "a step of 1 or nothing has no stride",
        "strides of dimensions of size 1",
        kind="result: values",
        call=r"stride\(",
    ),
    Known(
        "NumPy's array of bfloat16 is ml_dtypes'",
        "`numpy()` of bfloat16",
        theirs="unsupported ScalarType BFloat16",
    ),
    Known(
        "what was written over has no gradient",
        "wrote to one place several times",
        kind="(gradients|second derivatives|tangents): values",
        call=r"index_put|scatter_?\(|index_copy|\bput_?\(|max_unpool|setitem",
    ),
    Known(
        "derivatives of a power commute",
        "second derivatives of `x ** y`",
        kind="second derivatives: values",
        call=r"\*\*|pow",
    ),
    Known(
        "a limit, where PyTorch has NaN",
        "masks must not poison",
        kind=".*: values",
        theirs="nan",
        call=r"log(add|sum|cumsum)exp|xlogy|xlog1py|entr\(",
    ),
    Known(
        "a limit, where PyTorch has NaN",
        "the formula has a hole, the function none",
        kind=".*: values",
        theirs="nan",
        call=r"igamma|gammainc|\bi[01]e?_?\(|digamma|psi|polygamma|sinc",
    ),
    Known(
        "a limit, where PyTorch has NaN",
        "the formula has a hole, the function none",
        kind=".*(derivatives|gradients|tangents): values",
        theirs="nan",
        call="logit",
    ),
    Known(
        "the product of the others",
        "the product of the others",
        kind=".*(derivatives|gradients|tangents): values",
        theirs="nan",
        call=r"prod\(",
    ),
    Known(
        "a tangent of zeros that PyTorch multiplies with NaN or infinity",
        "what has no tangent adds nothing",
        kind="tangents: values",
        theirs="nan",
    ),
    Known(
        "one slope of prelu at 0",
        "forward mode of `prelu`",
        kind="tangents: values",
        call="prelu|maximum|minimum|median",
    ),
    Known(
        "a direction that is not symmetric",
        "along a direction that is not symmetric",
        kind="tangents: values",
        call="eigh|eigvalsh|cholesky|triangular_solve",
    ),
    Known(
        "the triangle that is not read",
        "cholesky_inverse",
        kind="(gradients|.*ts): values",
        call="cholesky_(inverse|solve)",
    ),
    Known("targets with gaps", "`ctc_loss` with targets", kind=".*: values", call=r"::2\].*ctc_loss"),
    Known("NaNs are equal", "`mode` with NaN", kind=".*: values", call=r"mode\(.*"),
    Known(
        "an infinity between a number and an infinity",
        "between a number and an infinity",
        kind=".*: values",
        call="quantile",
        theirs="nan",
    ),
    Known(
        "a mean with an infinity", "`mean` in `std_mean`", kind="result: values", call="(std|var)_mean", theirs="nan"
    ),
    Known("a pole", "poles of `digamma`", kind=".*(gradients|derivatives): values", call="gamma|psi", ours="inf"),
    Known(
        "slopes of sinc near 0",
        "slopes of `sinc` near 0",
        kind=".*(gradients|derivatives|tangents): values",
        call="sinc",
    ),
    Known("heaviside of NaN", "`heaviside` of NaN", kind="result: values", call="heaviside.*", ours="nan"),
    Known(
        "not an inverse",
        "where `info` is not 0",
        kind="result: values",
        call="_ex\\(",
        ours=r"int32\[.*\] \[.*[1-9]",
    ),
    Known(
        "what is left of a constant",
        "norms of constants",
        kind="result: values",
        call=r"_norm\(",
        ours=r"^[^;]*\] \[(\s*-?0\.)+\s*\]$",
    ),
    Known(
        "a shape does not depend on emptiness",
        "of nothing | has the input's shape",
        kind="result: shape",
        call=r"pixel_(un)?shuffle",
    ),
    Known(
        "a constant has no graph",
        "a constant has no graph",
        kind="(second derivatives|tangents): type",
        ours="None|nan",
    ),
    Known(
        "PyTorch stumbles over itself",
        "stumbles over itself",
        kind=".*is given, PyTorch raises",
        theirs=r"ZeroTensor|modified by an inplace operation|is not the same as the size of|setStorage|ambiguous$|"
        r"view size is not compatible|INTERNAL ASSERT|addmv input tensors|cond must be a bool|Expected bool, got",
    ),
    Known(
        "of two faults of a call one is named, and not always the same one",
        "a call that is wrong in two ways",
        kind="result: another fault of the call is named",
    ),
    Known(
        "an argument of a wrong type is named before anything else is looked at",
        "an argument of a wrong type",
        kind="result: exception type",
        ours=r"^TypeError: \w+\(\): argument '\w+'( \(position \d+\))? must be",
    ),
    Known(
        "None where a value may be left out",
        "None for an argument that may be left out",
        kind="result: is given, PyTorch raises",
        theirs="NoneType",
        call="None",
    ),
    Known(
        "an index out of bounds is an IndexError",
        "an index out of bounds is an IndexError",
        kind="result: exception type",
        theirs=r"INDICES element is out of DATA bounds|self indexing axis dim should be positive",
        ours="^IndexError: ",
    ),
    Known(
        "a probability outside [0, 1] is a ValueError",
        "a probability outside [0, 1]",
        kind="result: exception type",
        theirs="dropout probability has to be between 0 and 1",
        ours="^ValueError: dropout probability",
    ),
    Known(
        "what is refused is refused of nothing too",
        "what is refused is refused of nothing too",
        kind="result: raises",
        theirs=r"^\[?\w+\[([1-9]\d*, )*0[],]",
        ours=r"not implemented for|same dtype|Expected a floating point|should be the same|out of range|can't be cast",
    ),
    Known(
        "a write over memory that is read is refused whatever its strides",
        "whatever its strides",
        kind="result: raises",
        ours="some elements of the input tensor and the written-to tensor refer to a single memory location",
    ),
    Known(
        "a label outside the classes reads what is not there",
        "a label outside the classes",
        kind="result: raises",
        ours="ctc_loss: target .* is out of bounds",
    ),
    Known(
        "matrices that are not finite have no decomposition",
        "matrices that are not finite",
        kind="result: raises",
        theirs="nan",
        ours="contained non-finite values",
    ),
]


def explained(call: str, difference: Difference) -> Known | None:
    return next((known for known in KNOWN if known.explains(call, difference)), None)
