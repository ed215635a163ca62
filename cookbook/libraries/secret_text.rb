# frozen_string_literal: true

module StackyardCookbook
  # A password or token, given as a text or as a file that only its owner may read.
  module SecretText
    module_function

    # The secret, or the first line of the file; nil where neither is given.
    # Raises Invalid, which never quotes the secret.
    def from(what, text: nil, file: nil)
      raise Invalid, "#{what}: give the secret or its file, not both" if text && file
      return checked(what, text) if text
      return nil unless file

      checked("#{what} in #{file}", first_line(what, file))
    end

    # As `from`, where there must be one.
    def required(what, text: nil, file: nil)
      from(what, text: text, file: file) || raise(Invalid, "#{what}: is missing; give #{what} or #{what}_file")
    end

    # `coerce` of a sensitive property: what Chef itself says of a value of another type shows the value.
    def coercion(what, type = String)
      proc { |value| value.is_a?(type) ? value : raise(Invalid, "#{what}: is no #{type}; give one") }
    end

    def checked(what, secret)
      raise Invalid, "#{what}: is no UTF-8 text; give one line of text" unless secret.valid_encoding?
      return secret if secret.match?(/\A[^[:cntrl:]]+\z/)

      raise Invalid, "#{what}: is empty or holds a control character; give one line of text"
    end

    def first_line(what, file)
      mode = File.stat(file).mode & 0o777
      unless (mode & 0o077).zero?
        raise Invalid, format('%<what>s: %<file>s can be read by others (mode %<mode>04o); chmod 0600 it',
                              what: what, file: file, mode: mode)
      end
      File.open(file, 'r:bom|utf-8') { |opened| opened.gets(1024).to_s }.chomp
    rescue SystemCallError => e
      raise Invalid, "#{what}: #{file} cannot be read (#{e.class.name.split('::').last}); give a readable file"
    end
    private_class_method :checked, :first_line
  end
end
