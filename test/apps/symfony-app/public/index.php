<?php

// Reviewed against https://symfony.com/doc/current/deployment.html and
// https://symfony.com/doc/current/frontend/asset_mapper.html.
use App\Kernel;

require_once dirname(__DIR__).'/vendor/autoload_runtime.php';

return fn (array $context) => new Kernel($context['APP_ENV'], (bool) $context['APP_DEBUG']);
