# MariaDB with the loadable functions. Built from the project's root:
#   docker build -f docker/mariadb.Dockerfile -t sync-worker-mariadb .
# The library is compiled on the same base image, against the headers of the same release.
ARG MARIADB_IMAGE=mariadb:10.11

FROM ${MARIADB_IMAGE} AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev libmariadb-dev libmariadbd-dev \
        python3 python3-setuptools python3-wheel \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY setup.py pyproject.toml README.md LICENSE ./
COPY udf udf
COPY sync_worker sync_worker
RUN python3 setup.py build_ext --inplace

FROM ${MARIADB_IMAGE}
COPY --from=build --chmod=644 /build/sync_worker/lib/gman_udf.so /usr/lib/mysql/plugin/gman_udf.so
RUN cd /usr/lib/mysql/plugin \
    && ln -s gman_udf.so libgearman_mysql_udf.so \
    && ln -s gman_udf.so lib_mysqludf_json.so
COPY docker/gman_udf.conf /etc/gman_udf.conf
# Run once, when the data directory is made, in the schema that MYSQL_DATABASE names.
COPY sql/install-mariadb.sql /docker-entrypoint-initdb.d/10-functions.sql
COPY sql/triggers-reference.sql /docker-entrypoint-initdb.d/20-triggers.sql
