FROM docker.io/library/debian:bookworm-slim
RUN mkdir -p /usr/share/man/man1 && apt-get update && \
    apt-get install -y --no-install-recommends openjdk-17-jre-headless ca-certificates fontconfig && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin && \
    mkdir -p /opt/java && ln -s /usr/lib/jvm/java-17-openjdk-* /opt/java/openjdk && \
    /opt/java/openjdk/bin/java -version
ENV JAVA_HOME=/opt/java/openjdk LANG=C.UTF-8 PATH=/opt/java/openjdk/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
