<?php
// See https://developer.wordpress.org/advanced-administration/server/web-server/httpd/.
define('WP_USE_THEMES', true);
require __DIR__ . '/wp-blog-header.php';
