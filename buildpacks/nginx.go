package buildpacks

import (
	"strings"
)

// site is a folder of files to be served as they are.
type site struct {
	root       string   // in the build container: "/app/dist"
	exclude    []string // below root, not to be served
	singlePage bool     // what is no file is answered with index.html
	listing    bool     // folders without an index list their files
	immutable  []string // folders whose files carry a hash in their names: "/assets/"
}

const (
	siteFolder    = "/app/public"
	nginxTemplate = "/etc/nginx/csph.conf"
)

// nginxStart fills the port in, since nginx reads no environment, and becomes nginx: it gets the signals. The
// access log is off where the output cannot be opened again, as when it belongs to another user: nginx would
// not start.
const nginxStart = `test -w /dev/stdout && log='/dev/stdout main' || log=off; ` +
	`sed "s/__PORT__/${PORT:-8080}/; s|__ACCESS__|$log|" ` + nginxTemplate + ` > /tmp/nginx.conf && ` +
	`exec nginx -e stderr -c /tmp/nginx.conf`

// serve makes nginx the run image of a plan, with the site in it.
func (p *Plan) serve(s site) {
	p.RunImage = nginxImage
	p.User = runUser
	p.Start = nginxStart
	p.Env = runEnv("", nil)
	p.Copy = []Copy{{From: s.root, To: siteFolder, Exclude: s.exclude}}
	p.Files = map[string]string{nginxTemplate: s.nginx()}
	why := "files are served as they are"
	if s.singlePage {
		why = "it is a single-page app: paths that are no file are answered with index.html"
	}
	p.decide("served by nginx", why, "add a Procfile with `web: COMMAND`, or --run 'CMD'")
}

// nginx writes the configuration. It works as any user on a read-only image: pid and temporary files are in
// /tmp, logs go to the container's output. GET /healthz answers 200 without touching the site.
func (s site) nginx() string {
	r := strings.NewReplacer(
		"{{root}}", siteFolder,
		"{{hashed}}", s.hashedMap(),
		"{{locations}}", s.hashedLocations(),
		"{{fallback}}", s.fallback(),
		"{{listing}}", s.autoindex(),
	)
	return r.Replace(nginxConf)
}

// forever marks files whose name changes with their content.
const forever = `"public, max-age=31536000, immutable"`

func (s site) hashedMap() string {
	var b strings.Builder
	for _, folder := range s.immutable {
		b.WriteString("        ~^" + folder + " " + forever + ";\n")
	}
	return b.String()
}

// hashedLocations answer 404 for a hashed file that is gone, never the page of a single-page app.
func (s site) hashedLocations() string {
	var b strings.Builder
	for _, folder := range s.immutable {
		b.WriteString("        location ^~ " + folder + " { try_files $uri =404; }\n")
	}
	return b.String()
}

func (s site) fallback() string {
	if s.singlePage {
		return "/index.html"
	}
	return "=404"
}

func (s site) autoindex() string {
	if s.listing {
		return "on"
	}
	return "off"
}

const nginxConf = `daemon off;
worker_processes 2;
pid /tmp/nginx.pid;
error_log stderr warn;

events {
    worker_connections 1024;
}

http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    charset utf-8;

    log_format main '$http_x_forwarded_for "$request" $status $body_bytes_sent $request_time "$http_user_agent"';
    access_log __ACCESS__;

    client_body_temp_path /tmp/nginx-body;
    proxy_temp_path /tmp/nginx-proxy;
    fastcgi_temp_path /tmp/nginx-fastcgi;
    uwsgi_temp_path /tmp/nginx-uwsgi;
    scgi_temp_path /tmp/nginx-scgi;

    sendfile on;
    tcp_nopush on;
    keepalive_timeout 75s;
    server_tokens off;
    absolute_redirect off;

    gzip on;
    gzip_vary on;
    gzip_proxied any;
    gzip_min_length 1024;
    gzip_types text/plain text/css text/xml application/javascript text/javascript application/json
               application/xml application/rss+xml application/atom+xml application/manifest+json
               image/svg+xml application/wasm font/ttf font/otf;

    map $uri $cache {
        default no-cache;
{{hashed}}        "~[.-][0-9a-f]{8,}\.[0-9a-z]+$" "public, max-age=31536000, immutable";
    }

    server {
        listen __PORT__;
        root {{root}};
        index index.html index.htm;
        autoindex {{listing}};
        error_page 404 /404.html;
        add_header Cache-Control $cache;
        add_header X-Content-Type-Options nosniff;

        location = /healthz {
            access_log off;
            try_files $uri @healthy;
        }
        location @healthy {
            default_type text/plain;
            return 200 "ok\n";
        }
        location = /404.html { internal; }
        location ~ /\.(?!well-known/) { return 404; }
{{locations}}        location / { try_files $uri $uri.html $uri/ {{fallback}}; }
    }
}
`
