# frozen_string_literal: true

module StackyardCookbook
  # The first line of the files that belong to Stackyard alone.
  module ClientHeading
    TEXT = '# Written by Stackyard\'s client configuration; changes made here are lost.'
  end
end
