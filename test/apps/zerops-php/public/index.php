<?php echo "hello from ", trim(file_get_contents("../built.txt")), " at ", $_SERVER["REQUEST_URI"], "\n";
