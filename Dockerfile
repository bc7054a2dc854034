# mcdrl in a container, see docs/how-to/container.md: on CPUs; with CUDA by the build argument TORCH_INDEX.
ARG PYTHON=3.11.14-slim-bookworm

# The wheel: all that the other stages take from the sources.
FROM python:${PYTHON} AS wheel
WORKDIR /src
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

# What it needs, in a layer of its own that new code leaves alone: pyproject.toml names it, beside an empty package.
FROM python:${PYTHON} AS packages
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG EXTRAS=dicom,export,lite,video
ENV PATH=/opt/mcdrl/bin:$PATH
WORKDIR /src
COPY pyproject.toml setup.py ./
# Versions are bounded by pyproject.toml, and torch's is checked against it by the second pip.
# hadolint ignore=DL3013
RUN python -m venv /opt/mcdrl \
    && pip install --no-cache-dir --index-url "${TORCH_INDEX}" torch torchvision \
    && mkdir mcdrl && touch mcdrl/__init__.py README.md LICENSE \
    && pip install --no-cache-dir ".[${EXTRAS}]" \
    && pip uninstall --yes mcdrl

FROM python:${PYTHON}
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="mcdrl" \
      org.opencontainers.image.description="Lesion segmentation at hospitals never seen; for research, not for patients" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# Debian's release settles git's version, and keeps no other.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home mcdrl
COPY --from=packages /opt/mcdrl /opt/mcdrl
ENV PATH=/opt/mcdrl/bin:$PATH
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels pip install --no-cache-dir --no-deps /wheels/*.whl
# What programs keep for themselves goes where any user may write, as `docker run --user` names one without a home.
ENV HOME=/tmp
USER 1000
WORKDIR /data
ENTRYPOINT ["mcdrl"]
CMD ["--help"]
