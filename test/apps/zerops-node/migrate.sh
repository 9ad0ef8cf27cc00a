rm -f /tmp/sick
printf x >> /tmp/starts
