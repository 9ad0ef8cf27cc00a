<?php
// See https://getcomposer.org/doc/03-cli.md#install-i.
require __DIR__ . '/../vendor/autoload.php';

header('Content-Type: text/plain; charset=utf-8');
echo (new App\Greeting())->text(), "\n";
