# frozen_string_literal: true

module StackyardCookbook
  # What podman really uses, from `podman info --format json`.
  module PodmanInfo
    NAME = 'podman info'

    module_function

    # Where podman asks for an upstream's images: the locations (host[:port][/path]) of its mirrors in their order, then
    # its own, which is another registry's where only that one is asked. Empty where nothing is set. Raises Invalid.
    def locations(text, upstream)
      registries = object(CanonicalJson.object(NAME, text)['registries'])
      return [] unless registries.key?(upstream)

      registry = object(registries[upstream])
      places = [*known(registry['Mirrors'] || [], Array), registry]
      places.map { |place| object(place)['Location'] }
    end

    # True if an upstream's images are asked for at this location. Raises Invalid.
    def has?(text, upstream, location)
      locations(text, upstream).include?(location)
    end

    def object(value)
      known(value, Hash)
    end

    def known(value, kind)
      return value if value.is_a?(kind)

      raise Invalid, "#{NAME}: it tells of registries in an unknown form; see what it prints"
    end

    private_class_method :object, :known
  end
end
