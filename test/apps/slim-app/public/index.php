<?php
// Reviewed against https://www.slimframework.com/docs/v4/start/web-servers.html.
use Slim\Factory\AppFactory;

require __DIR__ . '/../vendor/autoload.php';

$app = AppFactory::create();
$app->get('/', function ($request, $response) {
    $response->getBody()->write('hello from Slim');

    return $response;
});
$app->run();
