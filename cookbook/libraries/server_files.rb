# frozen_string_literal: true

require 'digest'
require 'fileutils'
require 'openssl'
require 'tmpdir'

module StackyardCookbook
  # The files of a server: its configuration, its environment, its systemd unit, its command.
  module ServerFiles
    HEAD = '# Written by Chef; changes made here are lost.'
    FOLDER = '/etc/stackyard'
    CONFIGURATION = '/etc/stackyard/stackyard.yaml'
    ENVIRONMENT = '/etc/stackyard/env'
    CERTIFICATE = '/etc/stackyard/certificate.pem'
    CERTIFICATE_KEY = '/etc/stackyard/certificate.key'
    DATA = '/var/lib/stackyard'
    COMMAND = '/usr/local/bin/stackyard'
    UNIT = '/etc/systemd/system/stackyard.service'
    # A link to a folder of RELEASES, or into it.
    PROGRAM = '/opt/stackyard'
    RELEASES = '/opt/stackyard-releases'
    ENTRY = '/opt/stackyard/dist/src/cli/stackyard.js'
    PLACES = {
      'storage' => { 'filesystem' => { 'root' => "#{DATA}/data" } }.freeze,
      'auth' => { 'adminPasswordFile' => "#{DATA}/admin-password" }.freeze
    }.freeze
    LEAST_NODE = [20, 19].freeze
    SECRET = /(?:password|secret|token)\z/i.freeze
    private_constant :SECRET

    module_function

    # Of a Hash as docs/configuration.md of the server tells it: JSON, which is YAML, in the order given. Files of the
    # server lie in DATA unless it says otherwise. Secrets are refused: they belong into the environment.
    def configuration(values)
      plain = texts(values)
      refuse_secrets(plain, [])
      "#{HEAD}\n#{CanonicalJson.write(PLACES.merge(plain) { |_, place, wish| deep(place, wish) })}"
    end

    def deep(places, wishes)
      return wishes unless places.is_a?(Hash) && wishes.is_a?(Hash)

      places.merge(wishes) { |_, place, wish| deep(place, wish) }
    end

    # Of a Hash: systemd.exec(5), EnvironmentFile. Raises Invalid for what a line cannot hold.
    def environment(values)
      lines = values.map do |key, value|
        good = key.to_s.match?(/\A[A-Za-z_][A-Za-z0-9_]*\z/) && !value.to_s.match?(/[\r\n\0]/)
        raise Invalid, "environment #{key}: is no name of a variable, or its value has several lines" unless good

        "#{key}=\"#{value.to_s.gsub(/["\\$`]/) { |sign| "\\#{sign}" }}\"\n"
      end
      "#{HEAD}\n#{lines.join}"
    end

    # The command `stackyard`. For root it is the server's user on the server's store, with the server's secrets.
    def command(node:)
      <<~SHELL
        #!/bin/sh
        #{HEAD}
        export STACKYARD_CONFIG="${STACKYARD_CONFIG:-#{CONFIGURATION}}"
        if [ "$(id -u)" = 0 ]; then
          set -a
          . #{ENVIRONMENT}
          set +a
          export HOME=#{DATA}
          exec runuser -u stackyard -- #{node} #{ENTRY} "$@"
        fi
        exec #{node} #{ENTRY} "$@"
      SHELL
    end

    # The configuration with the certificate that Chef keeps.
    def with_certificate(values)
      server = values.fetch('server', {})
      tls = { 'certificate' => CERTIFICATE, 'key' => CERTIFICATE_KEY }.merge(server.fetch('tls', {}))
      values.merge('server' => server.merge('tls' => tls))
    end

    # Raises Invalid where `node --version` tells of one that is too old.
    def check_node(path, version)
      numbers = version[/\Av(\d+)\.(\d+)\./] ? [Regexp.last_match(1).to_i, Regexp.last_match(2).to_i] : nil
      raise Invalid, "node_path #{path}: is no Node.js; install it first, and name it" if numbers.nil?
      return if (numbers <=> LEAST_NODE) >= 0

      raise Invalid, "node_path #{path}: is Node.js #{version.strip}; Stackyard needs #{LEAST_NODE.join('.')} or newer"
    end

    # Raises Invalid where a PEM certificate, first of its chain, and its PEM key do not go together. Both nil is fine.
    def check_certificate(certificate, key)
      return if certificate.nil? && key.nil?
      raise Invalid, 'certificate: give it together with certificate_key' if certificate.nil? || key.nil?

      pair = pem_pair(certificate, key)
      raise Invalid, 'certificate: it or its key is no PEM without a passphrase; give both as PEM texts' if pair.nil?
      return if pair.first.check_private_key(pair.last)

      raise Invalid, 'certificate_key: is the key of another certificate; give the one of certificate'
    end

    def pem_pair(certificate, key)
      [OpenSSL::X509::Certificate.new(certificate), OpenSSL::PKey.read(key, '')]
    rescue OpenSSL::OpenSSLError, ArgumentError
      nil
    end

    # Where the server can be asked from its own host: http(s)://HOST:PORT.
    def url(values)
      server = texts(values).fetch('server', {})
      host = server.fetch('host', '127.0.0.1')
      host = '127.0.0.1' if ['0.0.0.0', '::', '*'].include?(host)
      host = "[#{host}]" if host.include?(':')
      scheme = server.fetch('tls', {})['certificate'] ? 'https' : 'http'
      "#{scheme}://#{host}:#{server.fetch('port', 5000)}"
    end

    # A Hash with its keys as texts, all the way down; Chef's attributes are such ones already.
    def texts(values)
      case values
      when Hash then values.each_with_object({}) { |(key, value), all| all[key.to_s] = texts(value) }
      when Array then values.map { |value| texts(value) }
      when Symbol then values.to_s
      else values
      end
    end

    def refuse_secrets(values, path)
      return values.each { |value| refuse_secrets(value, path) } if values.is_a?(Array)
      return unless values.is_a?(Hash)

      values.each do |key, value|
        here = [*path, key]
        if value.is_a?(String) && (key.match?(SECRET) || here == %w[storage swift key])
          raise Invalid, "config #{here.join('.')}: a secret would be readable in the saved node; " \
                         'give it by environment, or as a file'
        end
        refuse_secrets(value, here)
      end
    end
    private_class_method :deep, :refuse_secrets, :pem_pair
  end
end
