<?php

require __DIR__ . '/app/Config/Paths.php';
