# frozen_string_literal: true

require 'etc'

module StackyardCookbook
  # What the actions of several resources do; mixed into their action classes, where Chef's own methods are.
  module EngineActions
    OUTCOME_SECONDS = 10
    # What Chef puts the path of the file in place of that it is about to write.
    CANDIDATE = '%{path}' # rubocop:disable Style/FormatStringToken

    # The text of a file, nil where there is none.
    def text_of(path)
      ::File.exist?(path) ? ::File.read(path, mode: 'rb').force_encoding('UTF-8') : nil
    end

    # Has the file hold the text; answers whether it did not. `verify` is a command with CANDIDATE.
    def place(path, text, mode: '0644', owner: 'root', group: 'root', secret: false, verify: nil)
      make_folder(::File.dirname(path))
      written = file path do
        content text
        owner owner
        group group
        mode mode
        sensitive secret
        backup false if secret
        verify verify if verify
      end
      written.updated?
    end

    def make_folder(folder)
      directory folder do
        recursive true
        mode '0755'
        not_if { ::Dir.exist?(folder) }
      end
    end

    # Removes the file; answers whether it was there.
    def remove(path)
      removed = file path do
        action :delete
      end
      removed.updated?
    end

    def installed?(program)
      folders = ENV.fetch('PATH', '').split(':') | %w[/usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin]
      folders.any? { |folder| ::File.executable?(::File.join(folder, program)) }
    end

    def active?(service)
      installed?('systemctl') && shell_out('systemctl', 'is-active', '--quiet', service).exitstatus.zero?
    end

    # Writes the files of a setup for one engine, but those that `skip` names, and has the running engine use them.
    def configure(engine, setup, skip: [])
      files = StackyardCookbook::ClientFiles.files(engine, setup, Hash.new { |_, path| text_of(path) })
      changed = files.reject { |file| skip.include?(file[:path]) }.map { |file| configure_file(file, setup) }
      reload_crio if engine == 'crio' && changed.any?
    end

    # Writes one of them in its own way; answers whether it changed.
    def configure_file(file, setup)
      case file[:path]
      when StackyardCookbook::DaemonJson::PATH then place_daemon_json(file[:content], setup)
      when StackyardCookbook::ContainerdConfig::PATH then place_containerd_config(file[:content])
      else place(file[:path], file[:content], mode: file[:mode])
      end
    end

    # Has daemon.json hold the text, and a running docker use it.
    def place_daemon_json(text, setup)
      StackyardCookbook::DockerFlags.refuse!(docker_start)
      check = docker_validates? ? "dockerd --validate --config-file #{CANDIDATE}" : nil
      changed = place(StackyardCookbook::DaemonJson::PATH, text, verify: check)
      reload_docker(setup) if active?('docker') && (changed || !docker_uses?(setup))
    end

    # Has containerd's CRI read certs.d. Not where containerd is not installed: its package brings this very file.
    def place_containerd_config(text)
      return unless installed?('containerd')
      return unless place(StackyardCookbook::ContainerdConfig::PATH, text,
                          verify: "containerd --config #{CANDIDATE} config dump")
      return unless active?('containerd')

      converge_by('restart containerd, which reads config_path at its start alone') do
        shell_out!('systemctl', 'restart', 'containerd')
      end
    end

    def reload_crio
      return unless active?('crio')

      converge_by('reload crio') { shell_out!('systemctl', 'reload', 'crio') }
    end

    # The certificates as one text; nil where none are given. Raises Invalid.
    def authority(text, file)
      raise StackyardCookbook::Invalid, 'ca: give the certificates or their file, not both' if text && file
      return text unless file
      raise StackyardCookbook::Invalid, "ca_file #{file}: is not there; give a PEM file" unless ::File.file?(file)

      text_of(file)
    end

    def group_of(user)
      ::Etc.getgrgid(::Etc.getpwnam(user).gid).name
    rescue ArgumentError
      raise StackyardCookbook::Invalid, "user #{user}: there is none of that name; make it first"
    end

    def home_of(user)
      ::Etc.getpwnam(user).dir
    rescue ArgumentError
      raise StackyardCookbook::Invalid, "user #{user}: there is none of that name; make it first"
    end

    private

    # How dockerd is started: its unit, what that reads, and the process itself.
    def docker_start
      unit = installed?('systemctl') ? shell_out('systemctl', 'cat', 'docker').stdout : ''
      pid = text_of('/run/docker.pid').to_s.strip
      process = pid.match?(/\A\d+\z/) ? text_of("/proc/#{pid}/cmdline").to_s.tr("\0", ' ') : ''
      [unit, text_of('/etc/default/docker').to_s, process].join("\n")
    end

    def docker_validates?
      installed?('dockerd') && shell_out('dockerd', '--help').stdout.include?('--validate')
    end

    def docker_info
      answer = shell_out('docker', 'info', '--format', '{{json .}}')
      return answer.stdout if answer.exitstatus.zero?

      raise StackyardCookbook::Invalid,
            "docker info: failed (#{StackyardCookbook::EngineAnswers.first_line(answer.stderr)}); is docker running?"
    end

    # setup: docker_mirror and absent_mirror are URLs that docker shall, and shall not, ask.
    def docker_uses?(setup)
      mirrors = StackyardCookbook::DockerInfo.mirrors(docker_info)
      normal = ->(url) { url && StackyardCookbook::MirrorUrl.parse(url) }
      [nil, *mirrors].include?(normal.call(setup[:docker_mirror])) && !mirrors.include?(normal.call(setup[:absent_mirror]))
    end

    # `systemctl reload` ends with 0 also where dockerd refused the file: only docker info tells.
    def reload_docker(setup)
      converge_by('reload docker, which needs no restart for this') do
        shell_out!('systemctl', 'reload', 'docker')
        OUTCOME_SECONDS.times { docker_uses?(setup) ? break : sleep(1) }
        unless docker_uses?(setup)
          raise StackyardCookbook::Invalid, "#{StackyardCookbook::DaemonJson::PATH}: docker does not use it after its " \
                                            'reload; journalctl -u docker tells why'
        end
      end
    end
  end
end
