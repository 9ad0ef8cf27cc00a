port 3000
workers ENV.fetch("WEB_CONCURRENCY", 2)
