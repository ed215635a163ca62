# frozen_string_literal: true

module StackyardCookbook
  # Drop-ins of /etc/containers/registries.conf.d, which podman, buildah, skopeo and CRI-O read.
  module RegistriesConf
    DIRECTORY = '/etc/containers/registries.conf.d'

    module_function

    # Where the drop-in of a registry or upstream (host[:port]) is.
    def path(name)
      "#{DIRECTORY}/50-stackyard-#{RegistryName.parse(name).tr(':', '_')}.conf"
    end

    # Where the authority of a registry is.
    def ca_path(registry)
      "/etc/containers/certs.d/#{RegistryName.parse(registry)}/ca.crt"
    end

    # The text for a registry without TLS. Raises Invalid.
    def registry(registry)
      document(table(RegistryName.parse(registry), registry, true))
    end

    # The text for an UpstreamMirror of the registry. Raises Invalid.
    def mirror(mirror, registry, http: false)
      upstream = mirror.upstream
      location = "#{RegistryName.parse(registry)}/mirror/#{mirror.name}"
      return document(table(upstream, location, http)) if mirror.only

      document(table(upstream, upstream, false), ['[[registry.mirror]]', *place(location, http)])
    end

    def table(prefix, location, insecure)
      ['[[registry]]', "prefix = \"#{prefix}\"", *place(location, insecure)]
    end

    def place(location, insecure)
      ["location = \"#{location}\"", *('insecure = true' if insecure)]
    end

    def document(first, *more)
      "#{[[ClientHeading::TEXT, *first], *more].map { |lines| lines.join("\n") }.join("\n\n")}\n"
    end

    private_class_method :table, :place, :document
  end
end
