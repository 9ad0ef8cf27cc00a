FROM docker.io/library/debian:bookworm-slim
# Headers and the libraries that Ruby itself is linked with are there, as in the official image, and compilers are not.
RUN apt-get update && \
    apt-get install -y --no-install-recommends bundler ca-certificates libgmp-dev libruby ruby ruby-dev ruby-webrick && \
    apt-get purge -y --auto-remove -o APT::AutoRemove::RecommendsImportant=false gcc g++ make 2>/dev/null; \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin && \
    for name in ruby gem bundle bundler rake irb erb; do test ! -e /usr/bin/$name || ln -s /usr/bin/$name /usr/local/bin/$name; done && \
    mkdir -p /usr/local/bundle && chmod 1777 /usr/local/bundle && \
    ruby --version && bundle --version
ENV LANG=C.UTF-8 GEM_HOME=/usr/local/bundle BUNDLE_SILENCE_ROOT_WARNING=1 BUNDLE_APP_CONFIG=/usr/local/bundle \
    PATH=/usr/local/bundle/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
CMD ["irb"]
