# frozen_string_literal: true

require 'ipaddr'

module StackyardCookbook
  # A registry as images name it: host[:port], the host in lower case, an IPv4 address or an [IPv6 address].
  module RegistryName
    LABEL = /[a-z0-9](?:[a-z0-9-]*[a-z0-9])?/.freeze
    NAME = /\A#{LABEL}(?:\.#{LABEL})*\z/.freeze
    SHAPE = /\A(?<host>\[[^\]]*\]|[^:]*)(?::(?<port>.*))?\z/m.freeze
    PORT = /\A[1-9][0-9]{0,4}\z/.freeze
    FORM = 'give host[:port], such as registry.example:5000'
    FAULTS = {
      /\A\z/ => 'it is empty',
      /@/ => 'a user has no place there',
      %r{://} => 'a scheme has no place there',
      %r{[/?#]} => 'a path or query has no place there',
      /[^!-~]/ => 'blanks and letters beyond ASCII have no place there',
      /[A-Z]/ => 'it has capitals, which images cannot name'
    }.freeze

    module_function

    # The name itself. Raises Invalid with the member, the cause and the fix, without the text; also for a host without
    # dot and port, which images take for a repository of Docker Hub.
    def parse(text, member = 'registry')
      return text if authority(text, member).match?(/[.:]/) || text == 'localhost'

      raise Invalid, "#{member}: images take a host without a dot or port for a repository of Docker Hub; #{FORM}"
    end

    # The same for any host[:port], such as that of a URL. Raises Invalid.
    def authority(text, member)
      fault = fault(text)
      raise Invalid, "#{member}: #{fault}; #{FORM}" if fault

      text
    end

    def fault(text)
      return 'it is no text' unless text.is_a?(String)

      bytes = text.b
      found = FAULTS.find { |pattern, _| bytes.match?(pattern) }
      return found.last if found

      match = SHAPE.match(text)
      return 'it has no host name, IPv4 address or [IPv6 address]' unless match && host?(match[:host])

      'its port is no number from 1 to 65535' if match[:port] && !port?(match[:port])
    end

    def port?(text)
      text.match?(PORT) && text.to_i <= 65_535
    end

    def host?(host)
      return address?(host[1..-2], :ipv6?) if host.start_with?('[')
      return false unless host.length <= 253 && host.match?(NAME)

      # What ends in a number is an IPv4 address.
      !host.match?(/(?:\A|\.)[0-9]+\z/) || address?(host, :ipv4?)
    end

    def address?(text, kind)
      text.match?(/\A[0-9a-f:.]+\z/) && !(kind == :ipv6? && text.include?('.')) && IPAddr.new(text).public_send(kind)
    rescue IPAddr::Error
      false
    end

    private_class_method :fault, :port?, :host?, :address?
  end
end
