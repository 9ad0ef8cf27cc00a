FROM docker.io/library/debian:bookworm-slim
RUN groupadd --system --gid 101 nginx && useradd --system --gid nginx --no-create-home --home /nonexistent --shell /bin/false --uid 101 nginx && \
    apt-get update && apt-get install -y --no-install-recommends nginx-light gettext-base curl && rm -rf /var/lib/apt/lists/* && \
    rm -rf /etc/nginx/sites-* /etc/nginx/modules-enabled /etc/nginx/snippets /var/www && \
    mkdir -p /etc/nginx/conf.d /usr/share/nginx/html && mv /usr/share/nginx/html/* /tmp/ 2>/dev/null; \
    rm -rf /tmp/*.html && mkdir -p /usr/share/nginx/html && echo '<!DOCTYPE html><title>nginx</title><h1>It works</h1>' > /usr/share/nginx/html/index.html && \
    ln -sf /dev/stdout /var/log/nginx/access.log && ln -sf /dev/stderr /var/log/nginx/error.log
COPY <<"END" /etc/nginx/nginx.conf
user nginx;
worker_processes auto;
error_log /var/log/nginx/error.log notice;
pid /run/nginx.pid;
events { worker_connections 1024; }
http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log /var/log/nginx/access.log;
    sendfile on;
    keepalive_timeout 65;
    include /etc/nginx/conf.d/*.conf;
}
END
COPY <<"END" /etc/nginx/conf.d/default.conf
server {
    listen 80;
    server_name localhost;
    location / {
        root /usr/share/nginx/html;
        index index.html index.htm;
    }
}
END
EXPOSE 80
STOPSIGNAL SIGQUIT
CMD ["nginx", "-g", "daemon off;"]
