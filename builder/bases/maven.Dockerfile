FROM docker.io/library/debian:bookworm-slim
RUN mkdir -p /usr/share/man/man1 && apt-get update && \
    apt-get install -y --no-install-recommends openjdk-17-jdk-headless maven ca-certificates curl fontconfig git unzip && \
    rm -rf /var/lib/apt/lists/* && \
    mkdir -p /opt/java && ln -s /usr/lib/jvm/java-17-openjdk-* /opt/java/openjdk && \
    JAVA_HOME=/opt/java/openjdk mvn --version
ENV JAVA_HOME=/opt/java/openjdk MAVEN_HOME=/usr/share/maven MAVEN_CONFIG=/root/.m2 LANG=C.UTF-8 \
    PATH=/opt/java/openjdk/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
CMD ["mvn"]
