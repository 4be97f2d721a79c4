# sync-worker. Built from the project's root:
#   docker build -f docker/worker.Dockerfile -t sync-worker .
FROM python:3.12-slim-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev libmariadb-dev libmariadbd-dev \
    && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/sync-worker
WORKDIR /build
COPY requirements.lock ./
RUN /opt/sync-worker/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY setup.py pyproject.toml README.md LICENSE ./
COPY udf udf
COPY sync_worker sync_worker
RUN /opt/sync-worker/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.12-slim-bookworm
RUN useradd --system --uid 998 --create-home --home-dir /run/sync-worker sync-worker
COPY --from=build /opt/sync-worker /opt/sync-worker
ENV PATH=/opt/sync-worker/bin:$PATH \
    SYNC_WORKER_RUN_DIRECTORY=/run/sync-worker
USER sync-worker
ENTRYPOINT ["sync-worker"]
CMD ["run"]
