<?php

// The layout that `composer create-project symfony/skeleton` makes, as of https://symfony.com/doc/current/setup.html;
// its deployment is https://symfony.com/doc/current/deployment.html.
use App\Kernel;

require_once dirname(__DIR__).'/vendor/autoload_runtime.php';

return function (array $context) {
    return new Kernel($context['APP_ENV'], (bool) $context['APP_DEBUG']);
};
