FROM docker.io/library/debian:bookworm-slim
RUN apt-get update && \
    apt-get install -y --no-install-recommends ca-certificates curl g++ gcc git libc6-dev make pkg-config python3 && \
    rm -rf /var/lib/apt/lists/*
COPY node.tgz npm.tgz corepack.tgz yarn.tgz /tmp/
RUN groupadd --gid 1000 node && useradd --uid 1000 --gid node --shell /bin/bash --create-home node && \
    tar -xzf /tmp/node.tgz -C /usr/local --strip-components=1 --no-same-owner package/bin/node package/include && \
    for name in npm corepack; do \
      mkdir -p /usr/local/lib/node_modules/$name && \
      tar -xzf /tmp/$name.tgz -C /usr/local/lib/node_modules/$name --strip-components=1 --no-same-owner || exit 1; \
    done && \
    mkdir -p /opt/yarn && tar -xzf /tmp/yarn.tgz -C /opt/yarn --strip-components=1 --no-same-owner && \
    ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && \
    ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx && \
    ln -s ../lib/node_modules/corepack/dist/corepack.js /usr/local/bin/corepack && \
    ln -s /opt/yarn/bin/yarn.js /usr/local/bin/yarn && ln -s /opt/yarn/bin/yarn.js /usr/local/bin/yarnpkg && \
    ln -s node /usr/local/bin/nodejs && \
    chmod a+x /usr/local/bin/node /usr/local/lib/node_modules/*/bin/*.js /usr/local/lib/node_modules/corepack/dist/*.js /opt/yarn/bin/*.js && \
    rm /tmp/*.tgz && node --version && npm --version && corepack --version && yarn --version
CMD ["node"]
