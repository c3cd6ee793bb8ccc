# The dashboard for visitors: docker compose up, or docker build -t ccta . && docker run -p 8501:8501 ccta
# A build for processors; with a GPU: --build-arg INDEX= (PyPI's PyTorch, some gigabytes more).
FROM python:3.11-slim AS build
ARG INDEX=https://download.pytorch.org/whl/cpu
WORKDIR /source
RUN python -m venv /opt/ccta
COPY requirements.txt requirements.lock requirements-embedded.lock ./
# The packages before the code, so that a change of the code leaves this layer as it is.
RUN /opt/ccta/bin/pip install --no-cache-dir ${INDEX:+--extra-index-url "$INDEX"} "$(grep '^torch==' requirements.txt)" \
    && /opt/ccta/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements.lock \
    && /opt/ccta/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements-embedded.lock
COPY pyproject.toml setup.py MANIFEST.in README.md LICENSE NOTICE CHANGELOG.md CITATION.cff ./
COPY ccta_core ccta_core
COPY dashboard dashboard
COPY cache cache
RUN /opt/ccta/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11-slim
# PyTorch's products of matrices run on OpenMP. Debian's release decides on the version.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 ccta \
    && mkdir /cache \
    && chown ccta /cache
COPY --from=build /opt/ccta /opt/ccta
ENV PATH=/opt/ccta/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    CCTA_CACHE=/cache \
    CCTA_READ_ONLY=1 \
    HF_HUB_OFFLINE=1
USER 10001
WORKDIR /home/ccta
VOLUME /cache
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["ccta", "dashboard", "--host", "0.0.0.0", "--port", "8501"]
