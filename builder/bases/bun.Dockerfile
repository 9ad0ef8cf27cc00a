FROM docker.io/library/debian:bookworm-slim
COPY bun.tgz /tmp/
# Programs that ask for node get Bun.
RUN groupadd --gid 1000 bun && useradd --uid 1000 --gid bun --shell /bin/sh --create-home bun && \
    tar -xzf /tmp/bun.tgz -C /usr/local/bin --strip-components=2 --no-same-owner package/bin/bun && \
    chmod a+x /usr/local/bin/bun && ln -s bun /usr/local/bin/bunx && \
    mkdir -p /usr/local/bun-node-fallback-bin && ln -s /usr/local/bin/bun /usr/local/bun-node-fallback-bin/node && \
    rm /tmp/bun.tgz && bun --version
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bun-node-fallback-bin
CMD ["bun"]
