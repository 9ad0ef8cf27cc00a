FROM docker.io/library/debian:bookworm-slim
# Debian keeps Composer in many files; the official image has it as one that any PHP runs.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates composer git unzip && rm -rf /var/lib/apt/lists/*
COPY <<"END" /tmp/pack.php
<?php
$phar = new Phar('/tmp/composer.phar');
$phar->startBuffering();
$files = new RecursiveIteratorIterator(new RecursiveDirectoryIterator('/usr/share/php', FilesystemIterator::SKIP_DOTS | FilesystemIterator::FOLLOW_SYMLINKS));
foreach ($files as $file) {
    $phar->addFile($file->getPathname(), substr($file->getPathname(), strlen('/usr/')));
}
$program = preg_replace('/^#!.*\n/', '', file_get_contents('/usr/bin/composer'));
$phar->addFromString('bin/composer', $program);
$phar->setStub("#!/usr/bin/env php\n<?php Phar::mapPhar('composer.phar'); require 'phar://composer.phar/bin/composer'; __HALT_COMPILER();");
$phar->stopBuffering();
END
RUN php -d phar.readonly=0 /tmp/pack.php && mv /tmp/composer.phar /usr/bin/composer && chmod 755 /usr/bin/composer && rm /tmp/pack.php && \
    composer --version
CMD ["composer"]
