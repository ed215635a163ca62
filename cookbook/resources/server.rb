# frozen_string_literal: true

provides :stackyard_server
unified_mode true

property :instance, String, name_property: true
property :source, String
property :checksum, String, regex: /\A[0-9a-f]{64}\z/
property :version, String, regex: /\A[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?\z/
property :node_path, String, default: '/usr/bin/node'
property :config, Hash, default: {}
property :environment, [Hash, nil], default: {}, sensitive: true,
                                    coerce: StackyardCookbook::SecretText.coercion('environment', Hash)
property :certificate, String, desired_state: false
property :certificate_key, String, sensitive: true, coerce: StackyardCookbook::SecretText.coercion('certificate_key')
property :start_timeout, Integer, default: 60

default_action :create

action :create do
  StackyardCookbook::ServerReleases.check_origin(new_resource.source, new_resource.version)
  StackyardCookbook::ServerFiles.check_node(new_resource.node_path, node_version)
  StackyardCookbook::ServerFiles.check_certificate(new_resource.certificate, new_resource.certificate_key)
  group 'stackyard' do
    system true
    append true
  end
  user 'stackyard' do
    system true
    gid 'stackyard'
    home StackyardCookbook::ServerFiles::DATA
    shell '/usr/sbin/nologin'
  end
  linked = linked_release
  folder = unpacked_release
  text = StackyardCookbook::ServerFiles.configuration(config)
  environment = StackyardCookbook::ServerFiles.environment(new_resource.environment.to_h)
  check_configuration(folder, text, environment)
  serve([link_release(folder), configure_server(text, environment)].any?)
  settle_releases(folder, linked)
end

action :delete do
  service 'stackyard' do
    action %i[stop disable]
  end
  systemd_unit 'stackyard.service' do
    action :delete
  end
  files = StackyardCookbook::ServerFiles
  [files::COMMAND, files::CONFIGURATION, files::ENVIRONMENT, files::CERTIFICATE, files::CERTIFICATE_KEY].each do |path|
    remove(path)
  end
  link files::PROGRAM do
    action :delete
  end
  directory files::RELEASES do
    recursive true
    action :delete
  end
end

action_class do
  include StackyardCookbook::HostActions
  include StackyardCookbook::ReleaseActions

  def node_version
    answer = shell_out(new_resource.node_path, '--version')
    answer.exitstatus&.zero? ? answer.stdout : ''
  rescue Errno::ENOENT, Errno::EACCES
    ''
  end

  # Answers whether the server has to start again.
  def link_release(folder)
    files = StackyardCookbook::ServerFiles
    linked = link files::PROGRAM do
      to folder
    end
    command = place(files::COMMAND, files.command(node: new_resource.node_path), mode: '0755')
    linked.updated? || command
  end

  # Answers the same. Certificates it takes over by itself.
  def configure_server(text, environment)
    files = StackyardCookbook::ServerFiles
    directory files::FOLDER do
      mode '0755'
    end
    place_certificate
    [
      place(files::CONFIGURATION, text, mode: '0640', group: 'stackyard'),
      place(files::ENVIRONMENT, environment, mode: '0600', secret: true),
      place_unit
    ].any?
  end

  def place_unit
    unit = systemd_unit 'stackyard.service' do
      content StackyardCookbook::UnitFile.text(node: new_resource.node_path)
      action %i[create enable]
    end
    unit.updated?
  end

  def place_certificate
    return if new_resource.certificate.nil?

    files = StackyardCookbook::ServerFiles
    place(files::CERTIFICATE_KEY, new_resource.certificate_key, mode: '0640', group: 'stackyard', secret: true)
    place(files::CERTIFICATE, new_resource.certificate)
  end

  def config
    values = StackyardCookbook::ServerFiles.texts(new_resource.config.to_h)
    new_resource.certificate.nil? ? values : StackyardCookbook::ServerFiles.with_certificate(values)
  end

  # By the release itself, before anything that runs is touched. It is not there where Chef only asks why.
  def check_configuration(release, text, environment)
    files = StackyardCookbook::ServerFiles
    entry = entry_file(release)
    unless ::File.file?(entry)
      return if why_run?

      raise StackyardCookbook::Invalid, "server: the release has no #{entry}; give another one"
    end
    return if serves_so?(release, text, environment)

    ::Dir.mktmpdir('stackyard') do |folder|
      path = ::File.join(folder, 'stackyard.yaml')
      ::File.write(path, text)
      answer = shell_out(new_resource.node_path, entry, 'config', 'check', '--config', path,
                         environment: files.texts(new_resource.environment.to_h).transform_values(&:to_s))
      next if answer.exitstatus&.zero?

      said = (answer.stderr + answer.stdout).lines.map(&:strip).reject(&:empty?)
      raise StackyardCookbook::Invalid, "config: #{said.join('; ')}"
    end
  end

  def serves_so?(release, text, environment)
    files = StackyardCookbook::ServerFiles
    ::File.symlink?(files::PROGRAM) && ::File.readlink(files::PROGRAM) == release &&
      text_of(files::CONFIGURATION) == text && text_of(files::ENVIRONMENT) == environment
  end

  def serve(changed)
    files = StackyardCookbook::ServerFiles
    written = [files::PROGRAM, files::CONFIGURATION, files::ENVIRONMENT, files::UNIT]
    stale = changed || (active?('stackyard') && older_than?('stackyard', *written))
    service 'stackyard' do
      action stale ? %i[enable restart] : %i[enable start]
    end
    return if why_run?

    url = StackyardCookbook::ServerFiles.url(config)
    StackyardCookbook::AdminClient.new(url, {}, verify: false, patience: new_resource.start_timeout).wait
  end
end
