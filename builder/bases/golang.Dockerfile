FROM docker.io/library/debian:bookworm-slim
RUN apt-get update && \
    apt-get install -y --no-install-recommends ca-certificates g++ gcc git libc6-dev make pkg-config && \
    rm -rf /var/lib/apt/lists/*
COPY --from=go . /usr/local/go
ENV GOTOOLCHAIN=local GOPATH=/go PATH=/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# Modules of the proxy carry no execute bits. The standard library is compiled once here, for the ways that plans
# and plain Dockerfiles build, so that a first build compiles the app alone.
RUN chmod -R a+x /usr/local/go/bin /usr/local/go/pkg/tool && \
    mkdir -p "$GOPATH/src" "$GOPATH/bin" && chmod -R 1777 "$GOPATH" && \
    CGO_ENABLED=0 go build -trimpath std && \
    go build std
LABEL csph.seed=/root/.cache/go-build
WORKDIR /go
CMD ["bash"]
