<?php
// A site without packages, as on shared hosting: https://www.php.net/manual/en/tutorial.firstpage.php.
require __DIR__ . '/vendor/greeting.php';

header('Content-Type: text/plain; charset=utf-8');
echo greeting(), ', PHP ', PHP_VERSION, ', ', $_SERVER['REQUEST_URI'], "\n";
error_log('asked for ' . $_SERVER['REQUEST_URI']);
