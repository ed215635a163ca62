# frozen_string_literal: true

module StackyardCookbook
  # containerd's hosts.toml, one a registry, below /etc/containerd/certs.d. It is read at each use, without a reload.
  module HostsToml
    DIRECTORY = '/etc/containerd/certs.d'
    HUB_URL = 'https://registry-1.docker.io'

    module_function

    # Where the file of a registry or upstream (host[:port]) is.
    def path(name)
      "#{DIRECTORY}/#{RegistryName.parse(name)}/hosts.toml"
    end

    # Where the authority of a registry is.
    def ca_path(registry)
      "#{DIRECTORY}/#{RegistryName.parse(registry)}/ca.crt"
    end

    # The text for the registry itself; `http` without TLS, `ca` if its authority is at `ca_path`. Raises Invalid.
    def registry(registry, http: false, ca: false)
      url = url(registry, http)
      text(url, url, %w[pull resolve push], ca && ca_path(registry))
    end

    # The text for an UpstreamMirror of the registry, which is told the upstream by `?ns=`. Raises Invalid.
    def mirror(mirror, registry, http: false, ca: false)
      url = url(registry, http)
      server = mirror.hub? ? HUB_URL : "https://#{mirror.upstream}"
      text(mirror.only ? url : server, url, %w[pull resolve], ca && ca_path(registry))
    end

    def url(registry, http)
      "#{http ? 'http' : 'https'}://#{RegistryName.parse(registry)}"
    end

    def text(server, host, capabilities, ca_path)
      trust = "ca = \"#{ca_path}\"" if ca_path
      # containerd asks the server once more after the host; without its CA, what is absent there would be an x509 error.
      lines = [ClientHeading::TEXT, "server = \"#{server}\"", *(trust if server == host), '', "[host.\"#{host}\"]",
               "  capabilities = [#{capabilities.map { |word| "\"#{word}\"" }.join(', ')}]", *("  #{trust}" if trust)]
      "#{lines.join("\n")}\n"
    end

    private_class_method :url, :text
  end
end
