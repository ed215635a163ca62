# frozen_string_literal: true

module StackyardCookbook
  # How a client of a registry is to be set up, checked: nothing in it can end a string of TOML or a path.
  class ClientSetup
    # host[:port]; plain HTTP; PEM text or nil; UpstreamMirrors; URL or nil; {username:, password:} or nil; a directory
    # without a slash at its end.
    attr_reader :registry, :http, :ca, :mirrors, :docker_mirror, :login, :home

    # From a hash with the members of the same names, all but `registry` optional. Raises Invalid.
    def initialize(values)
      @registry = RegistryName.parse(values[:registry])
      @http = values[:http] == true
      @ca = parse_ca(values[:ca])
      @mirrors = parse_mirrors(values[:mirrors] || [])
      @docker_mirror = values[:docker_mirror] && MirrorUrl.parse(values[:docker_mirror])
      @login = parse_login(values[:login])
      @home = parse_home(values.fetch(:home, '/root'))
    end

    private

    def parse_ca(text)
      return if text.nil?
      raise Invalid, 'ca: over plain HTTP no certificate is checked; leave out either ca or http' if http

      AuthorityPem.parse(text)
    end

    def parse_mirrors(list)
      raise Invalid, 'mirrors: it is no list; give one' unless list.is_a?(Array)

      mirrors = list.each_with_index.map { |values, index| UpstreamMirror.new(values, registry, "mirrors[#{index}]") }
      twice = mirrors.find { |one| mirrors.take_while { |other| other != one }.any? { |other| other.upstream == one.upstream } }
      raise Invalid, "#{twice.member}.upstream: #{twice.upstream} is given twice; give it once" if twice

      mirrors
    end

    def parse_login(login)
      return if login.nil?
      raise Invalid, 'login: it is no mapping of username and password; give one' unless login.is_a?(Hash)

      LoginPair.parse(login[:username], login[:password])
      login
    end

    def parse_home(text)
      path = text.delete_suffix('/') if text.is_a?(String) && text.b.match?(%r{\A/[^\x00-\x1f\x7f]*\z}n)
      plain = path && path.split('/', -1).drop(1).none? { |part| ['', '.', '..'].include?(part) }
      return path if plain

      raise Invalid, 'home: it is no plain absolute path; give one, such as /home/ci'
    end
  end
end
