"""Nothing of an operation is forgotten: its names, its row, its kind on both devices, its pages. A failure names the
file.

What each test asks for is what CONTRIBUTING.md says under "Adding an operation"; no test here computes anything.
"""

import importlib
import inspect
import re
from pathlib import Path

import pytest

import autograd_gpu as ag
from autograd_gpu._names import FUNCTIONS, METHODS
from autograd_gpu.arrays.cpu.activation import _SLOPE, _VALUE
from autograd_gpu.arrays.cuda.activation import KINDS as LAUNCHED
from autograd_gpu.arrays.cuda.launch import Kernel
from autograd_gpu.ops.nn.activation import _CURVATURE
from autograd_gpu.testing.declarations import declared
from autograd_gpu.testing.op_table import CASES

pytestmark = pytest.mark.ours

ROOT = Path(__file__).parent.parent
OPERATIONS = ROOT / "autograd_gpu" / "ops"
ROWS = ROOT / "autograd_gpu" / "testing" / "op_rows"

# Operations whose results are no function of their arguments' values, or depend on where these lie in memory: the op
# table's checks do not fit them. Each is held by the tests of the file before it.
HELD_ELSEWHERE = {
    "tests/test_creation.py": "tensor as_tensor from_numpy zeros ones full empty empty_like arange linspace logspace "
    "eye tril_indices triu_indices manual_seed initial_seed get_rng_state set_rng_state rand randn randn_like "
    "randint randint_like randperm normal bernoulli multinomial seed",
    "tests/test_distributions.py": "exponential_ cauchy_ geometric_ log_normal_ bernoulli_ random_ frombuffer range",
    "tests/test_init.py": "normal_ uniform_",
    "tests/oracle/test_statistics.py": "scalar_tensor hann_window hamming_window blackman_window bartlett_window "
    "kaiser_window",
    "tests/oracle/test_expressions.py": "is_tensor type_as equal mT is_floating_point numel",
    "tests/oracle/math_expressions.py": "isclose is_complex T",
    "tests/oracle/test_promotion.py": "result_type",
    "tests/oracle/test_toplevel.py": "is_same_size typename broadcast_shapes",
    "tests/oracle/data_calls.py": "broadcast_tensors",
    "tests/test_semantics.py": "item tolist",
    "tests/oracle/test_names_of_programs.py": "new is_sparse to_dense sparse_dim dense_dim pin_memory "
    "coalesce is_coalesced indices crow_indices col_indices row_indices ccol_indices values",
    "tests/test_sparse.py": "sparse_coo_tensor sparse_csr_tensor to_sparse to_sparse_coo to_sparse_csr sparse_mask",
    "tests/test_short_time.py": "stft istft",
    "tests/test_nn.py": "numpy",
    "tests/test_func.py": "to rand_like",
    "tests/test_capture.py": "cuda",
    "tests/test_linear_cross_entropy.py": "allclose",
    "tests/test_strided.py": "as_strided_scatter empty_strided new_empty_strided storage_offset data_ptr is_set_to",
    "tests/test_inplace_shapes.py": "t_ transpose_ swapaxes_ swapdims_ squeeze_ unsqueeze_ as_strided_ resize_ set_ "
    "resize_as_ detach_",
    "tests/test_interop.py": "from_dlpack __dlpack__ to_dlpack __dlpack_device__ __array_interface__ "
    "__cuda_array_interface__ asarray",
    "tests/test_tensor_methods.py": "is_conj is_neg H mH is_signed is_nonzero type is_pinned is_shared "
    "record_stream fill_diagonal_ apply_ map_ map2_ reshape_as",
}

# Functions of a tensor that are no methods, in PyTorch neither (tests/oracle/test_toplevel.py asks it).
NO_METHODS = set(
    "zeros_like ones_like full_like empty_like rand_like randn_like randint_like set_rng_state dropout poisson "
    "binomial combinations vander unravel_index fill to_dlpack tensordot rsub gradient trapezoid cumulative_trapezoid "
    "searchsorted complex polar view_as_complex "
    "var_mean std_mean cdist selu celu threshold rrelu selu_ celu_ threshold_ rrelu_".split()
)


def home_of(function):
    """The file where a function is defined, from the root of the tree."""
    return inspect.getmodule(inspect.unwrap(function)).__name__.replace(".", "/") + ".py"


def rows_for(function):
    """Where the rows of a function's family are."""
    name = Path(home_of(function)).name
    return f"autograd_gpu/testing/op_rows/{name if (ROWS / name).exists() else ''}"


def reached(name):
    """What a row calls, or None."""
    found = ag
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def test_every_row_is_of_a_public_name():
    for name in {case.name for case in CASES}:
        if reached(name) is None:
            last = name.split(".")[-1]
            if any(last in operation.names for operation in declared):
                pytest.fail(
                    f"autograd_gpu/_names.py does not know the op table's `{name}`, which is declared: make pages"
                )
            files = [path for path in OPERATIONS.rglob("*.py") if re.search(rf"^def {last}\(", path.read_text(), re.M)]
            home = files[0].relative_to(ROOT) if files else "a file of autograd_gpu/ops"
            pytest.fail(f"the op table's `{name}` is no public name: write @public over `def {last}` in {home}")


IN_A_ROW = {inspect.unwrap(function) for case in CASES if (function := reached(case.name)) is not None}


@pytest.mark.parametrize("operation", declared, ids=lambda operation: operation.name)
def test_every_public_function_and_method_has_a_row(operation):
    elsewhere = {name for names in HELD_ELSEWHERE.values() for name in names.split()}
    has_row = operation.operation in IN_A_ROW or any(
        case.name in (operation.name, f"Tensor.{operation.name}") for case in CASES
    )
    assert has_row != (operation.name in elsewhere), (
        f"{operation.name} ({home_of(operation.operation)}) has no row: add one to {rows_for(operation.operation)}"
        if not has_row
        else f"{operation.name} has a row: take it out of HELD_ELSEWHERE in tests/test_completeness.py"
    )


def test_every_function_of_a_tensor_is_a_method():
    for operation in declared:
        parameters = list(inspect.signature(operation.operation).parameters.values())
        if (
            operation.function
            and parameters
            and parameters[0].annotation == "Tensor"
            and parameters[0].kind != parameters[0].VAR_POSITIONAL
        ):
            is_method = hasattr(ag.Tensor, operation.name)
            assert is_method != (operation.name in NO_METHODS), (
                f"{operation.name} ({home_of(operation.operation)}) is declared with method=False: let it be a method, "
                "or name it in NO_METHODS in tests/test_completeness.py"
            )


@pytest.mark.parametrize("room", ["nn.functional", "linalg", "special"])
def test_every_name_of_the_rooms_has_a_row(room):
    module = importlib.import_module(f"autograd_gpu.{room}")
    for name in module.__all__:
        function = getattr(module, name, None)
        home = f"autograd_gpu/{room.replace('.', '/')}.py"
        assert function is not None, f"{home} names {name} in its __all__ and does not import it"
        if inspect.isfunction(function) and inspect.unwrap(function) not in IN_A_ROW:
            pytest.fail(f"{room}.{name} ({home_of(function)}) has no row: add one to {rows_for(function)}")


def test_what_is_held_elsewhere_is_named_there():
    for file, names in HELD_ELSEWHERE.items():
        words = set(re.findall(r"\w+", (ROOT / file).read_text()))
        missing = [name for name in names.split() if name not in words]
        assert not missing, f"{file} says nothing of {missing}: see HELD_ELSEWHERE in tests/test_completeness.py"


def test_every_public_function_of_the_networks_room_is_in_functional():
    functional = ROOT / "autograd_gpu" / "nn" / "functional.py"
    for operation in declared:
        home = home_of(operation.operation)
        if home.startswith("autograd_gpu/ops/nn/"):
            assert operation.name in ag.nn.functional.__all__, (
                f"{operation.name} ({home}) is not in __all__ of {functional.relative_to(ROOT)}"
            )


def test_every_name_that_functional_imports_is_in_its_all():
    imported = {name for name, value in vars(ag.nn.functional).items() if inspect.isfunction(value)}
    imported = {name for name in imported if not name.startswith("_")}
    missing = imported - set(ag.nn.functional.__all__)
    assert not missing, f"autograd_gpu/nn/functional.py imports {sorted(missing)} and leaves them out of its __all__"


def test_every_module_that_declares_something_is_in_the_index():
    for path in OPERATIONS.rglob("*.py"):
        module = ".".join(path.relative_to(ROOT / "autograd_gpu").with_suffix("").parts)
        if re.search(r"^@public", path.read_text(), re.M):
            assert module in {**FUNCTIONS, **METHODS}, (
                f"{path.relative_to(ROOT)} declares operations that no program would find: run `make pages`, which "
                "writes them into autograd_gpu/_names.py"
            )


KINDS = sorted(
    {*_CURVATURE, *_VALUE, *_SLOPE, *LAUNCHED}
    | set(re.findall(r'_apply\([^")]*"(\w+)"', (OPERATIONS / "nn" / "activation.py").read_text()))
)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_activation_is_known_to_all_who_ask(kind):
    for known, entry, file in (
        (_VALUE, f'"{kind}" in _VALUE', "autograd_gpu/arrays/cpu/activation.py"),
        (_SLOPE, f'"{kind}" in _SLOPE', "autograd_gpu/arrays/cpu/activation.py"),
        (LAUNCHED, f"ACTIVATION({kind}, ...)", "kernels/activation.cu"),
        (
            _CURVATURE,
            f'"{kind}" in _CURVATURE, None if f is made of straight lines',
            "autograd_gpu/ops/nn/activation.py",
        ),
    ):
        assert kind in known, f"{file} has no {entry}"


@pytest.mark.parametrize("page", ["docs/kernels.md", "docs/hardware.md"])
def test_the_pages_of_kernels_name_them_all(page):
    text = (ROOT / page).read_text()
    for kernel in Kernel.all:
        assert re.search(rf"\| (\S+: )?{kernel.name} \|", text), (
            f"{kernel.name} of kernels/{kernel.file} is not in {page}: make pages"
        )
