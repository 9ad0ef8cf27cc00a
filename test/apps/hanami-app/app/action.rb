# frozen_string_literal: true

require "hanami/action"

module Bookshelf
  class Action < Hanami::Action
  end
end
