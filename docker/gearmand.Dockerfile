# gearmand, from Debian. It has no authentication: keep it on a private network.
FROM debian:12-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends gearman-job-server gearman-tools \
    && rm -rf /var/lib/apt/lists/*
USER gearman
EXPOSE 4730
ENTRYPOINT ["gearmand"]
CMD ["--listen=0.0.0.0", "--log-file=stderr", "--verbose=NOTICE"]
