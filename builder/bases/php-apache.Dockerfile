FROM docker.io/library/debian:bookworm-slim
# One stand-in for the image with Apache and the one with PHP-FPM. The extensions that the official images have are
# there; the others come from Debian through the same commands.
RUN apt-get update && \
    apt-get install -y --no-install-recommends apache2 ca-certificates curl libapache2-mod-php8.2 php8.2-cli php8.2-curl php8.2-fpm php8.2-mbstring \
      php8.2-opcache php8.2-readline php8.2-sqlite3 php8.2-xml && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/www/html/* && \
    ln -s /usr/bin/php8.2 /usr/local/bin/php && ln -s /usr/sbin/php-fpm8.2 /usr/local/sbin/php-fpm && \
    ln -sfT /dev/stderr /var/log/apache2/error.log && ln -sfT /dev/stdout /var/log/apache2/access.log && \
    chmod 1777 /var/log/apache2 /var/lock /var/www/html && mkdir -p /var/run/apache2 && chmod 1777 /var/run/apache2
COPY --chmod=755 <<"END" /usr/local/bin/docker-php-ext-install
#!/bin/sh
# Installs extensions from Debian where the official image compiles them: their configuration and the extensions
# themselves end up where that has them.
set -e
folder=/usr/local/lib/php/extensions/no-debug-non-zts-20220829
case "$0" in *-enable) install=false ;; *) install=true ;; esac
packages=
for name in "$@"; do
    case "$name" in
        -*) ;;
        pdo_mysql|mysqli) packages="$packages php8.2-mysql" ;;
        pdo_pgsql|pgsql) packages="$packages php8.2-pgsql" ;;
        pdo_odbc|odbc) packages="$packages php8.2-odbc" ;;
        xsl|dom|simplexml) packages="$packages php8.2-xml" ;;
        calendar|ctype|exif|ffi|fileinfo|ftp|gettext|iconv|pcntl|pdo|posix|shmop|sockets|sysvmsg|sysvsem|sysvshm|tokenizer) ;;
        opcache) ;;
        *) packages="$packages php8.2-$name" ;;
    esac
done
if $install && test -n "$packages"; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages
    rm -rf /var/lib/apt/lists/*
fi
mkdir -p "$folder" /usr/local/etc/php/conf.d
for link in /etc/php/8.2/apache2/conf.d/*.ini; do
    test -e "$link" || continue
    case "$link" in *opcache.ini) test "$1" = opcache -o -e /usr/local/etc/php/conf.d/10-opcache.ini || continue ;; esac
    library=$(sed -n 's/^\(zend_\)\?extension=\(.*\)$/\2/p' "$link" | head -1)
    cp "/usr/lib/php/20220829/$library" "$folder/"
    sed "s|extension=$library|extension=$folder/$library|" "$link" > "/usr/local/etc/php/conf.d/$(basename "$link")"
done
END
COPY --chmod=755 <<"END" /usr/local/bin/pecl
#!/bin/sh
# The command that installs extensions of PECL, from Debian.
set -e
test "$1" = install || exit 0
shift
exec docker-php-ext-install "$@"
END
RUN cd /usr/local/bin && ln -s docker-php-ext-install docker-php-ext-enable && ln -s /bin/true docker-php-ext-configure && \
    docker-php-ext-install ctype && cp /usr/lib/php/8.2/php.ini-production /usr/lib/php/8.2/php.ini-development /usr/local/etc/php/
ENV PHP_INI_DIR=/usr/local/etc/php PHP_INI_SCAN_DIR=/usr/local/etc/php/conf.d PHPRC=/usr/local/etc/php APACHE_CONFDIR=/etc/apache2
RUN php --version && php -m
STOPSIGNAL SIGWINCH
EXPOSE 80
CMD ["apache2ctl", "-D", "FOREGROUND"]
