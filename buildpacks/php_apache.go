package buildpacks

import (
	"path"
	"strings"
)

const (
	apacheConfig = "/etc/apache2/csph.conf"
	apacheStart  = "exec env PORT=${PORT:-8080} apache2 -D FOREGROUND -f " + apacheConfig
	phpConfig    = phpConfFolder + "/zz-csph.ini"
)

// phpINI is laid over the defaults of PHP, which are for development.
const phpINI = `expose_php = Off
display_errors = Off
display_startup_errors = Off
log_errors = On
html_errors = Off
variables_order = "EGPCS"
post_max_size = 64M
upload_max_filesize = 64M
realpath_cache_size = 4096K
realpath_cache_ttl = 600
session.save_path = /tmp
opcache.enable = 1
opcache.memory_consumption = 128
opcache.interned_strings_buffer = 16
opcache.max_accelerated_files = 20000
opcache.validate_timestamps = 0
`

// apacheFor is the configuration of Apache for a document root. It works as any user: pid and locks are in /tmp. Logs
// go through a pipe to the container's output, which cannot be opened again where it belongs to another user.
// Connections are closed after each answer: every process serves one at a time, and the router keeps idle ones.
func apacheFor(root string, fallback bool) string {
	r := strings.NewReplacer("{{root}}", path.Join(appFolder, root), "{{fallback}}", apacheFallback(fallback), "{{closed}}", apacheClosed(root))
	return r.Replace(apacheConf)
}

func apacheFallback(fallback bool) string {
	if fallback {
		return "    FallbackResource /index.php\n"
	}
	return ""
}

// apacheClosed keeps files of the project from being served where the document root is the source itself.
func apacheClosed(root string) string {
	if root != "." {
		return ""
	}
	return `<FilesMatch "^(composer\.(json|lock)|package(-lock)?\.json|Procfile|.*\.(sh|sql|log|ini|ya?ml|lock|dist|bak))$">
    Require all denied
</FilesMatch>
<DirectoryMatch "^/app/vendor/">
    <FilesMatch "\.php$">
        Require all denied
    </FilesMatch>
</DirectoryMatch>
`
}

const apacheConf = `ServerRoot /etc/apache2
ServerName localhost
PidFile /tmp/apache.pid
DefaultRuntimeDir /tmp
Mutex file:/tmp default
Listen ${PORT}

IncludeOptional mods-enabled/*.load
<IfModule !rewrite_module>
    LoadModule rewrite_module /usr/lib/apache2/modules/mod_rewrite.so
</IfModule>
<IfModule !headers_module>
    LoadModule headers_module /usr/lib/apache2/modules/mod_headers.so
</IfModule>
<IfModule !expires_module>
    LoadModule expires_module /usr/lib/apache2/modules/mod_expires.so
</IfModule>
<IfModule !remoteip_module>
    LoadModule remoteip_module /usr/lib/apache2/modules/mod_remoteip.so
</IfModule>

StartServers 2
MinSpareServers 2
MaxSpareServers 8
ServerLimit 256
MaxRequestWorkers ${WEB_CONCURRENCY}
MaxConnectionsPerChild 1000
Timeout 120
KeepAlive Off
ServerTokens Prod
ServerSignature Off
TraceEnable Off

LogLevel warn
LogFormat "%a \"%r\" %>s %B %D \"%{User-Agent}i\"" plain
ErrorLog "|$exec cat >&2"
CustomLog "|$exec cat" plain

RemoteIPHeader X-Forwarded-For
RemoteIPInternalProxy 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 127.0.0.0/8
SetEnvIf X-Forwarded-Proto "^https$" HTTPS=on

TypesConfig /etc/mime.types
AddDefaultCharset utf-8
DirectoryIndex index.php index.html
<FilesMatch "\.php$">
    SetHandler application/x-httpd-php
</FilesMatch>
<IfModule deflate_module>
    AddOutputFilterByType DEFLATE text/html text/plain text/css text/xml text/javascript application/javascript application/json application/xml image/svg+xml
</IfModule>

<Directory />
    AllowOverride None
    Require all denied
</Directory>
DocumentRoot {{root}}
<Directory {{root}}>
    AllowOverride All
    Options FollowSymLinks
    Require all granted
{{fallback}}</Directory>
<DirectoryMatch "/\.(?!well-known)">
    Require all denied
</DirectoryMatch>
<FilesMatch "^\.">
    Require all denied
</FilesMatch>
{{closed}}`
