# frozen_string_literal: true

module StackyardCookbook
  # A wish or an existing file that cannot be used. The message is one line: what, why, and the fix; never a secret.
  # In Chef it is one of Chef's own kind: the report of a resource that failed asks every property again, and takes no
  # other error of a lazy one.
  class Invalid < (defined?(::Chef::Exceptions::ValidationFailed) ? ::Chef::Exceptions::ValidationFailed : StandardError); end
end
