# MySQL with the loadable functions. Built from the project's root:
#   docker build -f docker/mysql.Dockerfile -t sync-worker-mysql .
# The library is compiled on the same base image, against the headers of the same release.
ARG MYSQL_IMAGE=mysql:8.4

FROM ${MYSQL_IMAGE} AS build
# The image has MYSQL_VERSION and MYSQL_MAJOR; its own repository has the server only.
RUN set -eu; \
    { \
        echo '[mysql-community]'; \
        echo 'name=MySQL Community'; \
        echo "baseurl=https://repo.mysql.com/yum/mysql-$MYSQL_MAJOR-community/el/$(rpm -E %rhel)/\$basearch/"; \
        echo 'enabled=1'; \
        echo 'gpgcheck=1'; \
        echo 'gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-mysql'; \
        echo 'module_hotfixes=true'; \
    } >/etc/yum.repos.d/mysql-community.repo; \
    microdnf install -y gcc glibc-devel "mysql-community-devel-$MYSQL_VERSION" \
        python3.11 python3.11-setuptools python3.11-wheel; \
    microdnf clean all
WORKDIR /build
COPY setup.py pyproject.toml README.md LICENSE ./
COPY udf udf
COPY sync_worker sync_worker
RUN python3.11 setup.py build_ext --inplace

FROM ${MYSQL_IMAGE}
COPY --from=build --chmod=644 /build/sync_worker/lib/gman_udf.so /usr/lib64/mysql/plugin/gman_udf.so
RUN cd /usr/lib64/mysql/plugin \
    && ln -s gman_udf.so libgearman_mysql_udf.so \
    && ln -s gman_udf.so lib_mysqludf_json.so
COPY docker/gman_udf.conf /etc/gman_udf.conf
# Run once, when the data directory is made, in the schema that MYSQL_DATABASE names.
COPY sql/install-mysql.sql /docker-entrypoint-initdb.d/10-functions.sql
COPY sql/triggers-reference.sql /docker-entrypoint-initdb.d/20-triggers.sql
