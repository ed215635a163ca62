# frozen_string_literal: true

module StackyardCookbook
  # The URL of the server's root mirror, for `registry-mirrors` of Docker's daemon.json.
  module MirrorUrl
    SHAPE = %r{\A(https?)://(.*)\z}mn.freeze
    FORM = 'give http(s)://host[:port], such as https://registry.example:5001'
    FAULTS = {
      /@/ => 'dockerd refuses a user in it',
      /[?#]/ => 'dockerd refuses a query or fragment in it',
      %r{/.}m => 'dockerd before 25 refuses a path in it'
    }.freeze

    module_function

    # The URL without its trailing slash. Raises Invalid: no http or https, a user, path, query or fragment.
    def parse(text, member = 'dockerMirror')
      scheme, rest = text.b.match(SHAPE)&.captures if text.is_a?(String)
      raise Invalid, "#{member}: it is no URL of http or https; #{FORM}" unless scheme

      fault = FAULTS.find { |pattern, _| rest.match?(pattern) }
      raise Invalid, "#{member}: #{fault.last}; #{FORM}" if fault

      RegistryName.authority(rest.delete_suffix('/'), member)
      text.delete_suffix('/')
    end

    # host[:port] of a URL that `parse` has answered.
    def authority(url)
      url.sub(%r{\Ahttps?://}, '')
    end

    # True for TLS.
    def https?(url)
      url.start_with?('https://')
    end

    # True for two ways to write one mirror.
    def same?(one, other)
      one.delete_suffix('/') == other.delete_suffix('/')
    end
  end
end
