# autograd_gpu with its CUDA kernels already compiled. Without a GPU it runs the same benchmark on the CPU.
#
#   docker build --tag autograd-gpu .
#   docker run --rm --gpus all autograd-gpu                                  the benchmark
#   docker run --rm --gpus all autograd-gpu autograd-gpu train gpt           anything else
FROM python:3.12-slim

# Where compiled kernels and CuPy's own files go: part of the image, and writable by whoever runs it.
ENV AUTOGRAD_GPU_CACHE=/var/cache/autograd_gpu \
    CUPY_CACHE_DIR=/var/cache/cupy \
    MPLCONFIGDIR=/tmp/matplotlib \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    PIP_NO_CACHE_DIR=1 \
    PYTHONUNBUFFERED=1

RUN apt-get update && apt-get install --yes --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/autograd_gpu
# What pip needs to resolve the dependencies, so that a change of the code does not fetch them again.
COPY pyproject.toml README.md LICENSE ./
COPY autograd_gpu/version.py autograd_gpu/version.py
RUN python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; o = p['optional-dependencies']; \
        print(*p['dependencies'], *o['cuda13'], *o['train'], 'nvidia-cuda-nvrtc>=13', 'pytest', sep='\n')" > /tmp/needed \
    && pip install --requirement /tmp/needed

COPY . .
RUN pip install --no-deps . \
    && autograd-gpu kernels build --arch sm_80 --arch sm_90a --arch sm_100 --arch sm_120 \
    && mkdir -p "$CUPY_CACHE_DIR" && chmod -R a+rwX /var/cache/autograd_gpu "$CUPY_CACHE_DIR"

# gpu_check's exit code 2 means that there is no GPU; the benchmark of the CPU side runs everywhere.
CMD ["sh", "-c", "python -m benchmarks.gpu_check || { [ $? -eq 2 ] && python -m benchmarks; }"]
