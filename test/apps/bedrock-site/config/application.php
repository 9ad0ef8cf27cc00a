<?php

use Roots\WPConfig\Config;

Config::define('DB_HOST', getenv('DB_HOST') ?: 'localhost');
Config::apply();
