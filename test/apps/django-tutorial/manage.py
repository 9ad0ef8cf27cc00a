#!/usr/bin/env python
# The layout of https://docs.djangoproject.com/en/5.2/intro/tutorial01/; its deployment is
# https://docs.djangoproject.com/en/5.2/howto/deployment/wsgi/gunicorn/.
import os
import sys


def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
