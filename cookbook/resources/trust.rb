# frozen_string_literal: true

provides :stackyard_trust
unified_mode true

property :registry, String, name_property: true
property :ca, String
property :ca_file, String
property :http, [true, false], default: false
property :engines, [Array, String], default: %w[docker containerd podman], coerce: proc { |value| Array(value) }

default_action :create

action :create do
  new_resource.engines.each { |engine| configure(engine, setup) }
end

action :delete do
  name = StackyardCookbook::RegistryName.parse(new_resource.registry)
  trusted_paths(name).each { |path| remove(path) }
  forget_plain_http(name) if new_resource.engines.include?('docker')
end

action_class do
  include StackyardCookbook::EngineActions

  def setup
    {
      registry: new_resource.registry, http: new_resource.http, ca: authority(new_resource.ca, new_resource.ca_file)
    }
  end

  def trusted_paths(name)
    paths = {
      'docker' => ["/etc/docker/certs.d/#{name}/ca.crt"],
      'containerd' => [StackyardCookbook::HostsToml.path(name), StackyardCookbook::HostsToml.ca_path(name)],
      'podman' => [StackyardCookbook::RegistriesConf.path(name), StackyardCookbook::RegistriesConf.ca_path(name)]
    }
    new_resource.engines.flat_map { |engine| paths.fetch(engine == 'crio' ? 'podman' : engine, []) }.uniq
  end

  def forget_plain_http(name)
    text = text_of(StackyardCookbook::DaemonJson::PATH)
    return if text.nil?

    place_daemon_json(StackyardCookbook::DaemonJson.without(text, insecure: [name]), {})
  end
end
