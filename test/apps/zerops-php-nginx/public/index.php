<?php
error_log("asked for " . $_SERVER["REQUEST_URI"]);
echo getenv("GREETING"), " from ", trim(file_get_contents("../built.txt")), " and ", php_sapi_name(), " at ", $_SERVER["REQUEST_URI"], "\n";
