# frozen_string_literal: true

module StackyardCookbook
  # The text of a configuration file. Chef may read one under LANG=C, so the label of its encoding says nothing.
  module Utf8Text
    module_function

    # The same bytes as UTF-8; nil (no such file) is ''. Raises Invalid if they are not UTF-8.
    def of(path, text)
      utf8 = text.to_s
      utf8 = utf8.dup.force_encoding(Encoding::UTF_8) unless utf8.encoding == Encoding::UTF_8
      return utf8 if utf8.valid_encoding?

      raise Invalid, "#{path}: it is no UTF-8 text; correct it"
    end

    # True for an absent file and for one of nothing but white space.
    def blank?(text)
      text.to_s.b.match?(/\A[ \t\r\n]*\z/)
    end
  end
end
