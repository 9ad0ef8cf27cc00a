FROM docker.io/library/debian:bookworm-slim
# Headers are there, as in the official image, and compilers are not.
RUN apt-get update && \
    apt-get install -y --no-install-recommends ca-certificates libpython3.11-dev python3 python3-pip python3-venv && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /usr/lib/python3*/EXTERNALLY-MANAGED /usr/lib/python3.11/config-3.11-*/*.a /usr/lib/*/libpython3.11.a && \
    for name in python python3 python3.11; do ln -s /usr/bin/python3.11 /usr/local/bin/$name; done && \
    for name in pip pip3 pip3.11; do ln -s /usr/bin/pip3 /usr/local/bin/$name; done && \
    find / -xdev -name __pycache__ -prune -exec rm -rf {} + && \
    python --version && pip --version && python -m venv /tmp/venv && rm -rf /tmp/venv
ENV LANG=C.UTF-8
CMD ["python3"]
