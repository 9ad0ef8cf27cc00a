<?php

// The layout of the app starter, as of https://codeigniter.com/user_guide/installation/installing_composer.html; its
// deployment is https://codeigniter.com/user_guide/installation/deployment.html.
define('FCPATH', __DIR__ . DIRECTORY_SEPARATOR);
require FCPATH . '../app/Config/Paths.php';
$paths = new Config\Paths();
require $paths->systemDirectory . '/Boot.php';
exit(CodeIgniter\Boot::bootWeb($paths));
