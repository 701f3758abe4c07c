"""Reading machine code: small kernels whose instructions are known, listings made up, tables that became worse."""

import pytest

from autograd_gpu.arrays.cuda import compile
from benchmarks import machine_code, sass

disassembled = pytest.mark.skipif(sass.nvdisasm() is None, reason="no nvdisasm: make kernels-report installs it")

KNOWN = """
#define EACH for (long long i = blockIdx.x * 256ll + threadIdx.x; i < n; i += gridDim.x * 256ll)

extern "C" __global__ void copied(const float4* x, float4* y, long long n) {
#pragma unroll 1
    EACH y[i] = x[i];
}

extern "C" __global__ void one_by_one(const float* x, float* y, long long n) {
#pragma unroll 1
    EACH y[i] = x[i];
}

extern "C" __global__ void polynomial(const float* x, float* y, long long n, float a) {
#pragma unroll 1
    EACH {
        float t = x[i], r = a;
#pragma unroll
        for (int k = 0; k < 8; k++) r = r * t + a;
        y[i] = r;
    }
}

extern "C" __global__ void four_ahead(const float* x, float* y, long long n) {
    float sum = 0;
#pragma unroll 1
    EACH sum += (x[i] + x[i + n]) + (x[i + 2 * n] + x[i + 3 * n]);
    y[threadIdx.x] = sum;
}

extern "C" __global__ void either_layout(const float* x, float* y, long long n, int step) {
#pragma unroll 1
    EACH {
        float4 t;
        if (step == 1) t = ((const float4*)x)[i];
        else t = make_float4(x[4 * i * step], x[(4 * i + 1) * step], x[(4 * i + 2) * step], x[(4 * i + 3) * step]);
        t.x = __sinf(t.x);
        ((float4*)y)[i] = t;
    }
}

extern "C" __global__ void clamped(const float* x, float* y, long long n) {
    EACH y[i] = fmaxf(fminf(x[i], 1.0f), 0.0f);
}

extern "C" __global__ void in_double(const float* x, float* y, long long n) {
    EACH y[i] = x[i] * 1.1;
}

extern "C" __global__ void straight(const float* x, float* y) {
    y[threadIdx.x] = x[threadIdx.x] + 1;
}
"""


@pytest.fixture(scope="module")
def known():
    cubin, log = compile.compile_text(KNOWN, "known.cu", "sm_90a", ())
    resources = {found.kernel: found for found in compile.resources(log)}
    found = sass.kernels(sass.disassemble(cubin))
    return {k.name: machine_code._row("known.cu", "float32", "sm_90a", k, resources[k.name]) for k in found}


@disassembled
@pytest.mark.parametrize(
    ("kernel", "counts", "elements", "load_bits", "loads_in_flight"),
    [
        ("copied", {"LDG": 1, "STG": 1}, 4, 128, 1),
        ("one_by_one", {"LDG": 1, "STG": 1}, 1, 32, 1),
        ("polynomial", {"LDG": 1, "STG": 1, "FFMA": 8}, 1, 32, 1),
        ("four_ahead", {"LDG": 4, "STG": 0, "FADD": 4}, 4, 32, 4),
        ("either_layout", {"LDG": 1, "STG": 1, "MUFU": 1}, 4, 128, 1),
        ("straight", {"LDG": 1, "STG": 1, "FADD": 1}, 1, 32, 1),
    ],
)
def test_small_kernels_have_the_instructions_that_they_say(known, kernel, counts, elements, load_bits, loads_in_flight):
    row = known[kernel]
    assert {name: row["loop"].get(name, 0) for name in counts} == counts
    assert row["is_loop"] == (kernel != "straight")
    assert (row["elements_per_iteration"], row["load_bits"], row["loads_in_flight"]) == (
        elements,
        load_bits,
        loads_in_flight,
    )
    assert row["bytes_in_flight"] == 2048 * loads_in_flight * load_bits // 8


@disassembled
def test_clamps_of_nan_and_double_are_flagged(known):
    assert ".SAT" in known["clamped"]["flags"]
    assert known["in_double"]["flags"] == "fp64"
    assert known["copied"]["flags"] == known["polynomial"]["flags"] == ""


# ---- listings made up

LISTING = """
.text.made_up:
        /*0000*/                   S2R R0, SR_TID.X ;
        /*0010*/               @P0 EXIT ;
.L_x_0:
        /*0020*/                   ISETP.NE.AND P1, PT, R9, RZ, PT ;
        /*0030*/                   BSSY B0, `(.L_x_2) ;
        /*0040*/              @!P1 BRA `(.L_x_1) ;
        /*0050*/                   LDG.E.128 R4, desc[UR4][R2.64] ;
.L_x_1:
        /*0060*/                   IADD3 R2, P2, R2, 0x10, RZ ;
        /*0070*/              @!P1 BRA `(.L_x_3) ;
        /*0080*/                   MUFU.EX2 R4, R4 ;
        /*0090*/                   MUFU.EX2 R5, R5 ;
.L_x_3:
        /*00a0*/                   BSYNC B0 ;
.L_x_2:
        /*00b0*/                   STG.E.128 desc[UR4][R10.64], R4 ;
        /*00c0*/               @P2 BRA `(.L_x_0) ;
        /*00d0*/                   LDG.E R4, desc[UR4][R2.64] ;
        /*00e0*/                   EXIT ;
.L_x_4:
        /*00f0*/                   BRA `(.L_x_4);
"""


def test_who_loads_computes_with_it_and_threads_meet_again():
    (kernel,) = sass.kernels(LISTING)
    path, is_loop = sass.hot_path(kernel)
    assert kernel.name == "made_up" and is_loop and len(kernel.instructions) == 16
    assert [i.name for i in path] == "ISETP BSSY BRA LDG IADD3 BRA MUFU MUFU BSYNC STG BRA".split()


def test_a_predicate_that_is_written_anew_decides_anew():
    again = "        /*0068*/                   ISETP.NE.AND P1, PT, R8, RZ, PT ;\n        /*0070*/"
    path, _ = sass.hot_path(sass.kernels(LISTING.replace("        /*0070*/", again))[0])
    assert "MUFU" not in [i.name for i in path]  # the shorter way


@pytest.mark.parametrize(
    ("opcode", "pipe", "bits"),
    [
        ("LDG.E.U8", "lsu", 8),
        ("STG.E.64", "lsu", 64),
        ("LDG.E.LTC128B.128.CONSTANT", "lsu", 128),
        ("LDGSTS.E.BYPASS.LTC128B.128", "lsu", 128),
        ("LDG.E.ENL2.256", "lsu", 256),
        ("HMMA.16816.F32.BF16", "tensor", 32),
        ("UIADD3", "uniform", 32),
        ("IMAD.WIDE.U32", "imad", 32),
        ("FMNMX.NAN", "alu", 32),
    ],
)
def test_opcodes_have_a_unit_and_a_width(opcode, pipe, bits):
    instruction = sass.Instruction("", opcode, "R0, R1")
    assert instruction.pipe == pipe
    assert pipe != "lsu" or instruction.bits == bits


# ---- the model, and the table


def test_registers_and_shared_memory_decide_how_many_threads_there_are():
    assert machine_code.occupancy(32, 0) == 2048
    assert machine_code.occupancy(33, 0) == 1536  # a warp takes registers by 256
    assert machine_code.occupancy(255, 0) == 256
    assert machine_code.occupancy(32, 100 << 10) == 512


def row(**changes):
    return {
        "file": "a.cu", "kernel": "k", "dtype": "float32", "spill_bytes": 0, "load_bits": 128, "store_bits": 128,
        "loads_in_flight": 2, "instructions": 40, "elements_per_iteration": 4, "flags": "FFMA.SAT",
    } | changes  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"spill_bytes": 8}, "spills 8 bytes"),
        ({"load_bits": 32}, "load_bits 32, recorded 128"),
        ({"store_bits": 64}, "store_bits 64, recorded 128"),
        ({"loads_in_flight": 1}, "loads_in_flight 1, recorded 2"),
        ({"instructions": 43}, "10.8 instructions an element, recorded 10.0"),
        ({"flags": "FFMA.SAT fp64"}, "fp64"),
        ({"dtype": "float64"}, "is not in the table"),
    ],
)
def test_what_became_worse_is_said(changes, complaint):
    assert complaint in machine_code.worse([row(**changes)], [row()])[-1]


def test_what_stayed_or_became_better_is_not():
    better = row(instructions=30, loads_in_flight=4, flags="")
    assert machine_code.worse([row(instructions=42)], [row()]) == machine_code.worse([better], [row()]) == []


def test_a_table_says_what_was_recorded(tmp_path):
    full = dict.fromkeys(machine_code.COLUMNS, 0) | row()
    machine_code.record([full], tmp_path / "table.csv")
    compiler, rows = machine_code.recorded(tmp_path / "table.csv")
    assert compiler.startswith("NVRTC ") and machine_code.worse([full], rows) == []
