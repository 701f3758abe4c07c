# Each target makes what it needs in .venv, from Python 3.11 or newer, make and g++ alone.
#
#   make train       train a byte-level GPT on Python's own source text into runs/demo, anew each time
#                    (ARGS="--steps 1000 --device cuda" instead: into runs/gpt, never over a run that is there)
#   make test        the tests; the CUDA kernels run on the emulated GPU
#   make test-ranks  the tests of several processes, under mpiexec   (with 2 and 4 ranks)
#   make test-cupy   the CUDA side's tests again, on CuPy's own arrays over emulated memory   (ARGS="tests/test_nn.py")
#   make cupy-versions   whether every CuPy that we allow has the names and parameters that we use
#   make kernels-report   what became worse in the kernels' machine code   (ARGS="--kernel gelu", ARGS=--record)
#   make bench       the benchmarks, against PyTorch; ARGS="--against HEAD~1" says what became slower since
#   make compat      public packages written for PyTorch, on it and on this library   (ARGS="einops entmax")
#   make gpu-check   everything on a real GPU   (GPU_PYTHON=python3 uses that Python and its packages as they are)
#   make pages       write what is generated: the pages of operations, kernels and hardware, the stubs that editors read
#   make docs        the site, into build/site; links and warnings are errors
#   make wheel       a wheel and an sdist, into dist/
#   make release-check   that they install and run, that the docs, examples and a fresh clone work
#   make native-sanitize   the CPU's kernels and threads under sanitizers
#   make check       what CI runs

PYTHON ?= python3
ARGS   ?=
VENV   := .venv
BIN    := $(VENV)/bin
# CuPy comes per CUDA version; the display driver says which one it can run.
CUDA   ?= $(shell nvidia-smi 2>/dev/null | sed -n 's/.*CUDA Version: *\([0-9]*\).*/\1/p' | grep . || echo 13)

.PHONY: compat native-sanitize train test test-ranks test-cupy cupy-versions kernels-report bench gpu-check docs wheel release-check pages check clean

train: $(VENV)/.train
	$(BIN)/autograd-gpu train gpt $(or $(ARGS),--out runs/demo --overwrite)

test: $(VENV)/.test
	$(BIN)/python -m pytest --numprocesses auto --dist loadgroup $(ARGS)

test-ranks: $(VENV)/.test $(VENV)/.mpi
	$(BIN)/python -m pytest $(or $(ARGS),tests/distributed)

# No GPU and no driver: CuPy's arrays and memory, the emulator's launches.
ON_CUDA := -k "(cuda or gpu or capture or interop or user_kernel) and not architecture and not lecture and not compile_gate"
test-cupy: $(VENV)/.cupy
	AUTOGRAD_GPU_EMULATE=cupy $(BIN)/python -m pytest --numprocesses auto --dist loadgroup \
	--ignore tests/native --ignore tests/emulator $(ON_CUDA) $(or $(ARGS),tests)

cupy-versions: $(VENV)/.cupy
	$(BIN)/python tests/cuda_unit/cupy_surface.py

kernels-report: $(VENV)/.sass
	$(BIN)/python -m benchmarks.machine_code $(ARGS)

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks $(ARGS)

compat: $(VENV)/.bench
	$(BIN)/python -m benchmarks.compat $(ARGS)

gpu-check: $(if $(GPU_PYTHON),,$(VENV)/.cuda$(CUDA))
	$(or $(GPU_PYTHON),$(BIN)/python) -m benchmarks.gpu_check $(ARGS)

# A wheel and an sdist; what is checked before they are given away, in an environment that has nothing else.
wheel: $(VENV)/.release
	rm -rf dist && $(BIN)/python -m build --quiet --outdir dist
	@ls -l dist

release-check: wheel docs $(VENV)/.test
	$(BIN)/python -m twine check --strict dist/*
	.ci/installs dist/*.whl dist/*.tar.gz
	$(BIN)/python -m pytest tests/test_docs.py tests/test_examples.py tests/test_packaging.py
	rm -rf build/clone && git clone --quiet . build/clone
	$(MAKE) -C build/clone train ARGS="--steps 5 --out runs/check --overwrite"
	$(MAKE) -C build/clone test ARGS=tests/test_lecture.py

docs: $(VENV)/.docs
	$(BIN)/python -m mkdocs build --strict --clean $(ARGS)

pages: $(VENV)/.test
	$(BIN)/python -m benchmarks.pages

SANITIZERS := $(shell g++ -print-file-name=libasan.so):$(shell g++ -print-file-name=libubsan.so)
native-sanitize: $(VENV)/.test
	AUTOGRAD_GPU_EMULATE=0 AUTOGRAD_GPU_NATIVE_FLAGS="-O1 -g -fsanitize=address,undefined -fno-sanitize=alignment" \
	ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 LD_PRELOAD=$(SANITIZERS) \
	$(BIN)/python -m pytest tests/native/test_sanitized.py $(ARGS)
	$(BIN)/python -m pytest tests/native/test_thread_pool.py

check:
	.ci/run

clean:
	rm -rf $(VENV) build dist *.egg-info

# One stamp per extra: installed again only when pyproject.toml has changed. .test contains .train.
$(VENV)/.%: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[$*]'
	touch $@

$(VENV)/.cuda%: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[test,cuda$*]'
	touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
