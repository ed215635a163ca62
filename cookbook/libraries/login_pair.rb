# frozen_string_literal: true

module StackyardCookbook
  # A user's name and password in the form of HTTP's basic scheme. Neither is ever part of a message.
  module LoginPair
    module_function

    # username:password in UTF-8. Raises Invalid: an empty one, a control character, a colon in the name.
    def parse(username, password)
      pair = [parse_text('login.username', username), parse_text('login.password', password)]
      return pair.join(':') unless pair.first.include?(':')

      raise Invalid, 'login.username: it holds a colon, which ends a user name; give one without'
    end

    def parse_text(member, text)
      raise Invalid, "#{member}: it is empty; give one" if text.nil? || text == ''
      raise Invalid, "#{member}: it is no text; give one" unless text.is_a?(String)

      utf8 = Utf8Text.of(member, text)
      raise Invalid, "#{member}: it holds control characters; give one without" if utf8.match?(/[\x00-\x1f\x7f]/)

      utf8
    end

    private_class_method :parse_text
  end
end
