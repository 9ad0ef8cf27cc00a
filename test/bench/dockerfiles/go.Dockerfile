FROM golang:1.26-bookworm AS build
WORKDIR /src
ENV CGO_ENABLED=0
COPY go.mod ./
RUN --mount=type=cache,id=CACHE-mod,target=/go/pkg/mod go mod download
COPY . .
RUN --mount=type=cache,id=CACHE-mod,target=/go/pkg/mod \
    --mount=type=cache,id=CACHE-build,target=/root/.cache/go-build,from=golang:1.26-bookworm,source=/root/.cache/go-build \
    go build -trimpath -ldflags='-s -w' -o /out/app .

FROM debian:bookworm-slim
COPY --from=build /out/app /usr/local/bin/app
USER 1000
CMD ["app"]
