# frozen_string_literal: true

port ENV.fetch("HANAMI_PORT", 2300)
environment ENV.fetch("HANAMI_ENV", "development")
threads 5, 5
preload_app!
