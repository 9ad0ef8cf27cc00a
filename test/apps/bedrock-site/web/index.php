<?php

// The layout of https://roots.io/bedrock/docs/folder-structure/; its deployment is
// https://roots.io/bedrock/docs/deployment/.
define('WP_USE_THEMES', true);
require __DIR__ . '/wp/wp-blog-header.php';
