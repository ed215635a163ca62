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
  forget_plain_http unless new_resource.http
end

action :delete do
  name = StackyardCookbook::RegistryName.parse(new_resource.registry)
  trusted_paths(name).each { |path| remove(path) }
  forget_plain_http
end

action_class do
  include StackyardCookbook::HostActions
  include StackyardCookbook::EngineSetup

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

  # What an earlier `http true` wrote: with it no certificate would be checked.
  def forget_plain_http
    name = StackyardCookbook::RegistryName.parse(new_resource.registry)
    drop_in = StackyardCookbook::RegistriesConf.path(name)
    remove(drop_in) unless (new_resource.engines & %w[podman crio]).empty?
    text = text_of(StackyardCookbook::DaemonJson::PATH)
    return if text.nil? || !new_resource.engines.include?('docker')

    without = StackyardCookbook::DaemonJson.without(text, insecure: [name])
    place_daemon_json(without, absent_http: name) unless without == text
  end
end
