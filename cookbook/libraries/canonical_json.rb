# frozen_string_literal: true

require 'json'

module StackyardCookbook
  # JSON files in the one form in which they are written: that of JSON.stringify(value, null, 2) and a newline.
  # JSON.pretty_generate is no use for it: older json gems write an empty list in two lines.
  module CanonicalJson
    UNIT = /u(?:[dD][89abAB]\h\h\\u[dD][c-fC-F]\h\h|(?![dD][89a-fA-F])\h{4})/.freeze
    # Refuses what JSON.parse lets pass, by its version, and the engines' parsers do not: comments, unknown escapes, halves
    # of characters.
    STRICT = %r{\A(?>[^"/\\]++|"(?>[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|#{UNIT}))*+")*+\z}.freeze
    ESCAPES = { '"' => '\"', '\\' => '\\\\', "\b" => '\b', "\f" => '\f', "\n" => '\n', "\r" => '\r', "\t" => '\t' }.freeze
    EXACT = 2**53

    module_function

    # The object (a Hash) that a file's text holds; absent or blank text is an empty one. Raises Invalid, and tells
    # nothing of what the file says: it may be a password.
    def object(path, text)
      return {} if Utf8Text.blank?(text)

      value = parsed(path, Utf8Text.of(path, text))
      return value if value.is_a?(Hash)

      raise Invalid, "#{path}: it holds no JSON object; correct it, or move it away"
    end

    # The file's new text after the block made another object of the one that it holds (without changing that one).
    # Where both are equal it is the text as it was, byte for byte, nil for an absent file included.
    def merge(path, text)
      before = object(path, text)
      after = yield before
      after == before ? text : write(after)
    rescue FloatDomainError
      raise Invalid, "#{path}: it holds a number that would be changed on the way; set the members by hand"
    end

    # The text of a value made of hashes, lists, strings, finite numbers, booleans and nil.
    def write(value)
      "#{render(value, "\n")}\n"
    end

    def parsed(path, text)
      value = JSON.parse(text, max_nesting: 100)
      return value if text.match?(STRICT)

      raise JSON::ParserError
    rescue JSON::ParserError
      # What the parser says quotes the file, which may hold logins; Chef writes down causes, too.
      raise Invalid, "#{path}: it is no JSON (jq . FILE tells where); correct it, or move it away", cause: nil
    end

    def render(value, line)
      case value
      when Hash then enclosed('{', '}', value.map { |key, member| "#{quoted(key)}: #{render(member, "#{line}  ")}" }, line)
      when Array then enclosed('[', ']', value.map { |member| render(member, "#{line}  ") }, line)
      when String then quoted(value)
      when Float then number(value)
      when nil then 'null'
      else value.to_s
      end
    end

    def enclosed(open, close, members, line)
      return open + close if members.empty?

      "#{open}#{members.map { |member| "#{line}  #{member}" }.join(',')}#{line}#{close}"
    end

    def quoted(text)
      escaped = text.gsub(/["\\\x00-\x1f]/) { |char| ESCAPES.fetch(char) { format('\u%04x', char.ord) } }
      "\"#{escaped}\""
    end

    def number(value)
      whole = value.to_i
      whole == value && whole.abs < EXACT ? whole.to_s : value.to_s
    end

    private_class_method :parsed, :render, :enclosed, :quoted, :number
  end
end
