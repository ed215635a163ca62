# frozen_string_literal: true

module StackyardCookbook
  # Docker's /etc/docker/daemon.json. dockerd keeps the old value of a key that was removed until it is started again,
  # so both keys stay in the file, empty if need be.
  module DaemonJson
    PATH = '/etc/docker/daemon.json'
    MIRRORS = 'registry-mirrors'
    INSECURE = 'insecure-registries'

    module_function

    # The text (nil: absent) with these mirror URLs and plain HTTP registries (host[:port]) in it; what is there stays.
    # Raises Invalid.
    def with(text, mirrors: [], insecure: [])
      urls = mirrors.map { |url| MirrorUrl.parse(url) }
      names = insecure.map { |name| RegistryName.parse(name) }
      CanonicalJson.merge(PATH, text) do |file|
        file.merge(MIRRORS => added(list(file, MIRRORS), urls), INSECURE => added(list(file, INSECURE), names))
      end
    end

    # The text without them, keys that are there kept; an absent file stays absent (nil). Raises Invalid.
    def without(text, mirrors: [], insecure: [])
      CanonicalJson.merge(PATH, text) do |file|
        { MIRRORS => mirrors, INSECURE => insecure }.reduce(file) do |rest, (key, ours)|
          rest.key?(key) ? rest.merge(key => left(list(file, key), ours)) : rest
        end
      end
    end

    def added(values, ours)
      ours.reduce(values) { |all, one| all.any? { |other| MirrorUrl.same?(one, other) } ? all : [*all, one] }
    end

    def left(values, ours)
      values.reject { |value| ours.any? { |one| MirrorUrl.same?(one, value) } }
    end

    def list(file, key)
      value = file.fetch(key, [])
      return value if value.is_a?(Array) && value.all?(String)

      raise Invalid, "#{PATH}: #{key} is no list of strings; correct it"
    end

    private_class_method :added, :left, :list
  end
end
