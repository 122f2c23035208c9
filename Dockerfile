# The same steps as on any machine: `make install`, then `govorun up`.
#
#   docker build -t govorun .
#   docker run -p 127.0.0.1:8080:8080 -v govorun:/data govorun
#
# For a GPU: docker build --build-arg PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cu130 -t govorun .
# and docker run --gpus all …
FROM python:3.11-slim

# Where pip finds the build of torch: without CUDA it is 3 GB smaller.
ARG PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
ARG PIP_NO_CACHE_DIR=1

RUN apt-get update \
    && apt-get install --yes --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/*

RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin govorun \
    && install --directory --mode 700 --owner govorun --group govorun /data

WORKDIR /app

# First what changes rarely: an edit of the code does not install everything anew.
COPY pyproject.toml constraints.txt Makefile README.md LICENSE ./
COPY bot/__init__.py bot/
COPY dialogue/__init__.py dialogue/
COPY storage/__init__.py storage/
COPY seeds/__init__.py seeds/
RUN make install

COPY bot bot
COPY dialogue dialogue
COPY storage storage
COPY seeds seeds

ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HF_HOME=/data/huggingface \
    GOVORUN_DATA_DIR=/data \
    GOVORUN_WEB_HOST=0.0.0.0

USER govorun
VOLUME /data
EXPOSE 8080

HEALTHCHECK --start-period=2m --interval=15s --timeout=5s \
    CMD ["python", "-c", "import os, urllib.request as web; web.urlopen(f'http://127.0.0.1:{os.environ.get(\"GOVORUN_WEB_PORT\") or 8080}/healthz', timeout=4)"]

CMD ["govorun", "up"]
