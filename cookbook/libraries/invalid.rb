# frozen_string_literal: true

module StackyardCookbook
  # A wish or an existing file that cannot be used. The message is one line: what, why, and the fix; never a secret.
  class Invalid < StandardError; end
end
