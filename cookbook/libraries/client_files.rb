# frozen_string_literal: true

module StackyardCookbook
  # All the files that make an engine a client of the registry, for one setup.
  class ClientFiles
    ENGINES = { 'docker' => :docker, 'containerd' => :containerd, 'podman' => :podman, 'crio' => :crio }.freeze
    PUBLIC = '0644'
    SECRET = '0600'

    # [{path:, mode:, content:}] for an engine of ENGINES, in the order in which they are written; `existing` holds the
    # texts of files that are there, by path. Raises Invalid.
    def self.files(engine, setup, existing = {})
      kind = ENGINES.fetch(engine.to_s) do
        raise Invalid, "engine: #{engine.to_s[0, 40].scrub} is not known; give one of #{ENGINES.keys.join(', ')}"
      end
      new(ClientSetup.new(setup), existing).public_send(kind)
    end

    private_class_method :new

    def initialize(setup, existing)
      @setup = setup
      @existing = existing
    end

    def docker
      DockerRules.check(@setup)
      [daemon_json, *docker_authorities, login(docker_config)].compact
    end

    def containerd
      [file(HostsToml.path(registry), HostsToml.registry(registry, **tls)),
       authority(HostsToml.ca_path(registry)),
       *@setup.mirrors.map { |mirror| file(HostsToml.path(mirror.upstream), HostsToml.mirror(mirror, registry, **tls)) },
       containerd_config, login(docker_config)].compact
    end

    def podman
      [*registries, login("#{@setup.home}/.config/containers/auth.json")].compact
    end

    def crio
      auth = login(CrioConf::AUTH_PATH)
      [*registries, auth, auth && file(CrioConf::PATH, CrioConf.text)].compact
    end

    private

    def registry
      @setup.registry
    end

    def tls
      { http: @setup.http, ca: !@setup.ca.nil? }
    end

    def daemon_json
      mirrors = [@setup.docker_mirror].compact
      insecure = @setup.http ? [registry] : []
      return if mirrors.empty? && insecure.empty?

      file(DaemonJson::PATH, DaemonJson.with(@existing[DaemonJson::PATH], mirrors: mirrors, insecure: insecure))
    end

    def docker_authorities
      mirror = @setup.docker_mirror
      hosts = [registry, *(MirrorUrl.authority(mirror) if mirror && MirrorUrl.https?(mirror))].uniq
      hosts.map { |host| authority("/etc/docker/certs.d/#{host}/ca.crt") }
    end

    def containerd_config
      text = ContainerdConfig.with_certs(@existing)
      text && file(ContainerdConfig::PATH, text)
    end

    def registries
      mirrors = @setup.mirrors.map do |mirror|
        file(RegistriesConf.path(mirror.upstream), RegistriesConf.mirror(mirror, registry, http: @setup.http))
      end
      plain = file(RegistriesConf.path(registry), RegistriesConf.registry(registry)) if @setup.http
      [*mirrors, plain, authority(RegistriesConf.ca_path(registry))]
    end

    def docker_config
      "#{@setup.home}/.docker/config.json"
    end

    def login(path)
      pair = @setup.login
      return unless pair

      text = LoginFile.with(@existing[path], registry, pair[:username], pair[:password], path: path)
      { path: path, mode: SECRET, content: text }
    end

    def authority(path)
      @setup.ca && file(path, @setup.ca)
    end

    def file(path, content)
      { path: path, mode: PUBLIC, content: content }
    end
  end
end
