package buildpacks

import (
	"strings"

	"csph/buildpacks/zerops"
)

const (
	nginxImage  = "docker.io/library/nginx:1-bookworm"
	nginxConfig = "/etc/csph/nginx.conf"
	fpmConfig   = "/etc/csph/php-fpm.conf"

	// PHP-FPM would write its log where it opens a file for it; the container's output belongs to another user, and
	// cannot be opened again. -O keeps to the output it was given.
	fpmStart = "exec php-fpm --nodaemonize --force-stderr --fpm-config " + fpmConfig

	// nginx takes no variables in its configuration. It waits for PHP, so that no request comes too early.
	nginxStart = "until test -S /tmp/php-fpm.sock; do sleep 0.05; done; sed \"s/{{port}}/${PORT:-8080}/\" " + nginxConfig +
		" > /tmp/nginx.conf && exec nginx -e stderr -c /tmp/nginx.conf"
)

// nginxProcesses are what a spherelet of php-nginx@ runs side by side.
func nginxProcesses() []zerops.Process {
	return []zerops.Process{{Name: "php-fpm", Command: fpmStart}, {Name: "nginx", Command: nginxStart}}
}

// fpmINI keeps what PHP logs from being logged by nginx once more.
const fpmINI = phpINI + "fastcgi.logging = Off\n"

// fpmConf lets WEB_CONCURRENCY requests be served at a time, by processes that see the service's variables.
const fpmConf = `[global]
error_log = /dev/null
log_level = warning
[www]
listen = /tmp/php-fpm.sock
pm = dynamic
pm.max_children = ${WEB_CONCURRENCY}
pm.start_servers = 2
pm.min_spare_servers = 1
pm.max_spare_servers = 2
pm.max_requests = 1000
clear_env = no
catch_workers_output = yes
decorate_workers_output = no
`

// nginxFor is the configuration of nginx for a document root. It works as any user: what it writes is in /tmp.
func nginxFor(root string) string {
	closed := ""
	if root == zerops.DeployFolder {
		closed = nginxClosed
	}
	return strings.NewReplacer("{{root}}", root, "{{closed}}", closed).Replace(nginxConf)
}

// nginxClosed keeps files of the project from being served where the document root is the source itself.
const nginxClosed = `        location ~ (^|/)(composer\.(json|lock)|package(-lock)?\.json|Procfile|[^/]*\.(sh|sql|log|ini|ya?ml|lock|dist|bak))$ {
            return 403;
        }
        location ~ ^/vendor/.*\.php$ {
            return 403;
        }
`

const nginxConf = `daemon off;
worker_processes 1;
pid /tmp/nginx.pid;
error_log stderr warn;
events {
    worker_connections 1024;
}
http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log off;
    server_tokens off;
    absolute_redirect off;
    sendfile on;
    client_max_body_size 64m;
    client_body_temp_path /tmp/nginx-body;
    proxy_temp_path /tmp/nginx-proxy;
    fastcgi_temp_path /tmp/nginx-fastcgi;
    uwsgi_temp_path /tmp/nginx-uwsgi;
    scgi_temp_path /tmp/nginx-scgi;
    gzip on;
    gzip_types text/plain text/css text/xml text/javascript application/javascript application/json application/xml image/svg+xml;
    set_real_ip_from 10.0.0.0/8;
    set_real_ip_from 172.16.0.0/12;
    set_real_ip_from 192.168.0.0/16;
    set_real_ip_from 127.0.0.0/8;
    real_ip_header X-Forwarded-For;
    map $http_x_forwarded_proto $forwarded_https {
        https on;
        default "";
    }
    server {
        listen {{port}};
        root "{{root}}";
        index index.php index.html;
        location ~ /\.(?!well-known) {
            return 403;
        }
{{closed}}        location / {
            try_files $uri $uri/ /index.php$is_args$args;
        }
        location ~ \.php(/|$) {
            fastcgi_split_path_info ^(.+?\.php)(/.*)$;
            set $path_info $fastcgi_path_info;
            try_files $fastcgi_script_name =404;
            include /etc/nginx/fastcgi_params;
            fastcgi_param SCRIPT_FILENAME $realpath_root$fastcgi_script_name;
            fastcgi_param DOCUMENT_ROOT $realpath_root;
            fastcgi_param PATH_INFO $path_info;
            fastcgi_param HTTPS $forwarded_https if_not_empty;
            fastcgi_param HTTP_PROXY "";
            fastcgi_read_timeout 120s;
            fastcgi_pass unix:/tmp/php-fpm.sock;
        }
    }
}
`
