# frozen_string_literal: true

provides :stackyard_mirror
unified_mode true

property :upstream, String, name_property: true
property :registry, String, required: true
property :mirror_name, String
property :only, [true, false], default: false
property :docker_mirror, String
property :ca, String
property :ca_file, String
property :http, [true, false], default: false
# Docker has registry-mirrors for docker.io alone, and goes on to Docker Hub.
property :engines, [Array, String], coerce: proc { |value| Array(value) }, default: lazy {
  upstream == 'docker.io' && !only ? %w[docker containerd podman] : %w[containerd podman]
}

default_action :create

action :create do
  new_resource.engines.each { |engine| configure(engine, setup, skip: paths_of_trust) }
  check_podman if new_resource.engines.include?('podman') && !why_run?
end

action :delete do
  upstream = StackyardCookbook::RegistryName.parse(new_resource.upstream)
  new_resource.engines.each do |engine|
    case engine
    when 'docker' then forget_docker_mirror
    when 'containerd' then remove(StackyardCookbook::HostsToml.path(upstream))
    else
      gone = remove(StackyardCookbook::RegistriesConf.path(upstream))
      reload_crio if gone && engine == 'crio'
    end
  end
end

action_class do
  include StackyardCookbook::HostActions
  include StackyardCookbook::EngineSetup

  def setup
    {
      registry: new_resource.registry, http: new_resource.http, ca: known_authority,
      mirrors: [{ upstream: new_resource.upstream, name: new_resource.mirror_name, only: new_resource.only }.compact],
      docker_mirror: new_resource.docker_mirror
    }.compact
  end

  # What stackyard_trust wrote counts, so that hosts.toml names it.
  def known_authority
    given = authority(new_resource.ca, new_resource.ca_file)
    return given if given || new_resource.http

    name = StackyardCookbook::RegistryName.parse(new_resource.registry)
    [StackyardCookbook::HostsToml.ca_path(name), StackyardCookbook::RegistriesConf.ca_path(name),
     "/etc/docker/certs.d/#{name}/ca.crt"].filter_map { |path| text_of(path) }.first
  end

  # These tell of the registry itself, where stackyard_trust may have said more.
  def paths_of_trust
    [StackyardCookbook::HostsToml.path(new_resource.registry), StackyardCookbook::RegistriesConf.path(new_resource.registry)]
  end

  def forget_docker_mirror
    text = text_of(StackyardCookbook::DaemonJson::PATH)
    return if text.nil? || new_resource.docker_mirror.nil?

    place_daemon_json(StackyardCookbook::DaemonJson.without(text, mirrors: [new_resource.docker_mirror]),
                      absent_mirror: new_resource.docker_mirror)
  end

  # A later drop-in for the same prefix replaces the whole table: podman tells what it will do.
  def check_podman
    return unless installed?('podman')

    name = new_resource.mirror_name || new_resource.upstream
    location = "#{new_resource.registry}/mirror/#{name}"
    answer = shell_out('podman', 'info', '--format', 'json')
    unless answer.exitstatus&.zero?
      return Chef::Log.warn("podman info failed, so that its mirrors were not looked at: #{answer.stderr.lines.first}")
    end
    return if StackyardCookbook::PodmanInfo.has?(answer.stdout, new_resource.upstream, location)

    raise StackyardCookbook::Invalid,
          "podman does not ask #{location} for #{new_resource.upstream}: a later file of " \
          '/etc/containers/registries.conf.d, or /etc/containers/registries.conf of version 1, sets it otherwise'
  end
end
