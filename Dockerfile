# Quire as a service. Build: docker build -t quire .   Run it with Qdrant: docker compose up -d
FROM python:3.12-slim AS build
WORKDIR /src
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/quire
# Third-party packages first: they change rarely and take minutes. The lock holds the versions that were tested.
COPY pyproject.toml requirements.lock README.md LICENSE ./
RUN mkdir indexer service && touch indexer/__init__.py service/__init__.py \
    && /opt/quire/bin/pip install -c requirements.lock .
COPY indexer indexer
COPY service service
RUN /opt/quire/bin/pip install --no-deps --force-reinstall .

FROM python:3.12-slim
# libgomp1: scikit-learn, scikit-image and openTSNE bring compiled code that may ask for the system's OpenMP.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home --home-dir /home/quire quire \
    && install -d -o quire -g quire /library /cache /scans
COPY --from=build /opt/quire /opt/quire
# Nothing is written outside /library, /cache and /tmp, so the root file system may be read-only.
ENV PATH=/opt/quire/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    XDG_CACHE_HOME=/cache \
    NUMBA_CACHE_DIR=/tmp/numba \
    MPLCONFIGDIR=/tmp/matplotlib \
    QUIRE_LIBRARY=/library \
    QUIRE_CACHE_DIR=/cache \
    QUIRE_ALLOWED_ROOTS=/scans
USER quire
VOLUME ["/library", "/cache"]
EXPOSE 8765
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8765/healthz', timeout=4)"]
ENTRYPOINT ["quire"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8765"]
