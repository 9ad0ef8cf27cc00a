FROM docker.io/library/debian:bookworm-slim
COPY deno.tgz /tmp/
RUN groupadd --gid 1993 deno && useradd --uid 1993 --gid deno deno && \
    tar -xzf /tmp/deno.tgz -C /usr/bin --strip-components=1 --no-same-owner package/deno && \
    chmod a+x /usr/bin/deno && mkdir -p /deno-dir && chown deno:deno /deno-dir && \
    rm /tmp/deno.tgz && deno --version
ENV DENO_DIR=/deno-dir DENO_INSTALL_ROOT=/usr/local
CMD ["deno"]
