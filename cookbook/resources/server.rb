# frozen_string_literal: true

provides :stackyard_server
unified_mode true

property :instance, String, name_property: true
property :source, String
property :checksum, String, regex: /\A[0-9a-f]{64}\z/
property :version, String, regex: /\A[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?\z/
property :node_path, String, default: '/usr/bin/node'
property :config, Hash, default: {}
property :environment, Hash, default: {}, sensitive: true
property :certificate, String
property :certificate_key, String, sensitive: true
property :start_timeout, Integer, default: 60

default_action :create

action :create do
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
  folder = unpacked_release
  text = StackyardCookbook::ServerFiles.configuration(config)
  environment = StackyardCookbook::ServerFiles.environment(new_resource.environment)
  check_configuration(folder, text, environment)
  serve([link_release(folder), configure_server(text, environment)].any?)
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

  def node_version
    answer = shell_out(new_resource.node_path, '--version')
    answer.exitstatus&.zero? ? answer.stdout : ''
  rescue Errno::ENOENT, Errno::EACCES
    ''
  end

  # Each release has a folder of its own, which a link names: going back is the same as going on.
  def unpacked_release
    program = StackyardCookbook::ServerFiles::PROGRAM
    if ::File.directory?(program) && !::File.symlink?(program)
      raise StackyardCookbook::Invalid, "#{program}: is a directory that Chef did not make; move it away"
    end

    new_resource.version ? release_from_registry : release_from_tarball
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

  def release_from_tarball
    raise StackyardCookbook::Invalid, 'server: no source; give a tarball (source) or a version' if new_resource.source.nil?

    tarball = fetched
    return "#{StackyardCookbook::ServerFiles::RELEASES}/unknown" if why_run? && !::File.exist?(tarball)

    found = ::Digest::SHA256.file(tarball).hexdigest
    unless [nil, found].include?(new_resource.checksum)
      raise StackyardCookbook::Invalid, "source #{tarball}: has the SHA-256 #{found}, not checksum"
    end

    release(found[0, 16]) do |folder|
      shell_out!('tar', '-xzf', tarball, '-C', folder, '--strip-components=1', '--no-same-owner')
    end
  end

  def fetched
    source = new_resource.source
    unless source.match?(%r{\Ahttps?://})
      return source if ::File.file?(source)

      raise StackyardCookbook::Invalid, "source #{source}: is not there; give the path or URL of stackyard-VERSION.tgz"
    end

    path = ::File.join(Chef::Config[:file_cache_path], "stackyard-#{::Digest::SHA256.hexdigest(source)[0, 16]}.tgz")
    remote_file path do
      source source
      checksum new_resource.checksum if new_resource.checksum
      mode '0644'
      backup false
    end
    path
  end

  def release_from_registry
    raise StackyardCookbook::Invalid, 'server: source and version; give one of them' if new_resource.source

    version = new_resource.version
    folder = release(version) do |made|
      npm = ::File.join(::File.dirname(new_resource.node_path), 'npm')
      shell_out!(npm, 'install', '--prefix', made, '--omit=dev', '--no-audit', '--no-fund', "stackyard@#{version}",
                 timeout: 900, environment: { 'PATH' => "#{::File.dirname(npm)}:/usr/bin:/bin" })
    end
    "#{folder}/node_modules/stackyard"
  end

  # Fills the folder of a release that is not there; a half-filled one never has its name.
  def release(name)
    folder = "#{StackyardCookbook::ServerFiles::RELEASES}/#{name}"
    return folder if ::Dir.exist?(folder)

    directory StackyardCookbook::ServerFiles::RELEASES do
      mode '0755'
    end
    converge_by("install the release #{name}") do
      part = "#{folder}.part"
      ::FileUtils.rm_rf(part)
      ::FileUtils.mkdir_p(part, mode: 0o755)
      yield part
      ::File.rename(part, folder)
    end
    folder
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
    entry = "#{release}#{files::ENTRY.delete_prefix(files::PROGRAM)}"
    return if serves_so?(release, text, environment) || !::File.exist?(entry)

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
