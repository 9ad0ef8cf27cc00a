<?php echo "not this one";
