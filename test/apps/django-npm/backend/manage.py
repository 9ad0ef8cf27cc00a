#!/usr/bin/env python
# Reviewed against https://docs.djangoproject.com/en/5.2/howto/static-files/deployment/ and
# https://whitenoise.readthedocs.io/en/stable/django.html.
import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
