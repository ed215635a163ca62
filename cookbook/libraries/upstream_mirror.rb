# frozen_string_literal: true

module StackyardCookbook
  # An upstream that the server mirrors: as images name it, its name on the server, and whether it is never asked itself.
  class UpstreamMirror
    # A component of repository names, for it is one in /v2/mirror/NAME/…
    NAME = /\A[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*\z/.freeze
    HUB = 'docker.io'
    OTHER_NAMES_OF_HUB = %w[index.docker.io registry-1.docker.io].freeze

    # `member` is what errors call it; `given_name` is nil where it has the upstream's.
    attr_reader :member, :upstream, :given_name, :only

    # From {upstream:, name:, only:}; without a name it is the upstream, `only` is false. Raises Invalid, also for an
    # upstream that is the registry itself.
    def initialize(values, registry, member = 'mirror')
      raise Invalid, "#{member}: it is no mapping of upstream, name, only; give one" unless values.is_a?(Hash)

      @member = member
      @upstream = parse_upstream(values[:upstream], registry)
      @given_name = values[:name] && parse_name(values[:name])
      @only = values[:only] == true
    end

    # True for Docker Hub, the one that dockerd asks mirrors for.
    def hub?
      upstream == HUB
    end

    # The upstream's name on the server. Raises Invalid where none is given and the upstream cannot be one.
    def name
      return given_name if given_name
      return upstream if upstream.match?(NAME)

      raise Invalid, "#{member}.name: #{upstream} cannot be the name of an upstream on the server; " \
                     'give the one it has there'
    end

    private

    def parse_upstream(text, registry)
      subject = "#{member}.upstream"
      upstream = RegistryName.parse(text, subject)
      raise Invalid, "#{subject}: images call #{upstream} #{HUB}; give that" if OTHER_NAMES_OF_HUB.include?(upstream)
      return upstream unless upstream == registry

      raise Invalid, "#{subject}: it is the registry itself; give the registry that is mirrored"
    end

    def parse_name(text)
      return text if text.is_a?(String) && text.valid_encoding? && text.match?(NAME)

      raise Invalid, "#{member}.name: it is no component of repository names; " \
                     'give what mirror.upstreams calls it, such as docker.io'
    end
  end
end
