# frozen_string_literal: true

require 'tempfile'

module StackyardCookbook
  # Has engines be as a setup says, and use it; mixed into action classes beside HostActions.
  module EngineSetup
    OUTCOME_SECONDS = 10

    # Writes the files of a setup for one engine, but those that `skip` names, and has the running engine use them.
    def configure(engine, setup, skip: [])
      files = StackyardCookbook::ClientFiles.files(engine, setup, existing_files)
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
      path = StackyardCookbook::DaemonJson::PATH
      StackyardCookbook::DockerFlags.refuse!(docker_start)
      check_candidate(path, text) { |file| ['dockerd', '--validate', '--config-file', file] } if docker_validates?
      changed = place_merged(path, text)
      reload_docker(setup) if active?('docker') && (changed || !docker_uses?(setup))
    end

    # Has containerd's CRI read certs.d. Not where containerd is not installed: its package brings this very file.
    def place_containerd_config(text)
      return unless installed?('containerd')

      path = StackyardCookbook::ContainerdConfig::PATH
      check_candidate(path, text) { |file| ['containerd', '--config', file, 'config', 'dump'] }
      changed = place_merged(path, text)
      return unless active?('containerd') && (changed || older_than?('containerd', path))

      converge_by('restart containerd, which reads config_path at its start alone') do
        shell_out!('systemctl', 'restart', 'containerd')
      end
    end

    # Has the engine itself look at what is about to be written, by the command that the block makes of a file's path.
    # (A `verify` of Chef's that fails would keep a copy.)
    def check_candidate(path, text)
      return if text_of(path) == text

      ::Tempfile.create(['candidate', ::File.extname(path)]) do |candidate|
        candidate.write(text)
        candidate.flush
        command = yield candidate.path
        answer = shell_out(*command)
        next if answer.exitstatus&.zero?

        raise StackyardCookbook::Invalid,
              "#{path}: #{command.first} refuses it (#{StackyardCookbook::EngineAnswers.first_line(answer.stderr)})"
      end
    end

    def reload_crio
      return unless active?('crio')

      converge_by('reload crio') { shell_out!('systemctl', 'reload', 'crio') }
    end

    private

    def existing_files
      imports = ::Dir.glob(StackyardCookbook::ContainerdImports::FILES, ::File::FNM_DOTMATCH)
      imports.each_with_object(Hash.new { |_, path| text_of(path) }) do |path, files|
        files[path] = ::File.file?(path) ? text_of(path) : StackyardCookbook::ContainerdImports::UNREADABLE
      end
    end

    # How dockerd is started: its unit, what that reads, and the process itself.
    def docker_start
      unit = installed?('systemctl') ? shell_out('systemctl', 'cat', 'docker').stdout : ''
      pid = text_of('/run/docker.pid').to_s.strip
      process = pid.match?(/\A\d+\z/) ? text_of("/proc/#{pid}/cmdline").to_s.tr("\0", ' ') : ''
      [unit, text_of('/etc/default/docker').to_s, process].map(&:b).join("\n")
    end

    def docker_validates?
      installed?('dockerd') && shell_out('dockerd', '--help').stdout.include?('--validate')
    end

    def docker_info
      answer = shell_out('docker', 'info', '--format', '{{json .}}')
      return answer.stdout if answer.exitstatus&.zero?

      raise StackyardCookbook::Invalid,
            "docker info: failed (#{StackyardCookbook::EngineAnswers.first_line(answer.stderr)}); is docker running?"
    end

    # setup: http and docker_mirror are what docker shall use; absent_http (a registry) and absent_mirror what it shall not.
    def docker_uses?(setup)
      info = docker_info
      mirrors = StackyardCookbook::DockerInfo
      wished = [
        setup[:docker_mirror].nil? || mirrors.has?(info, setup[:docker_mirror]),
        setup[:absent_mirror].nil? || !mirrors.has?(info, setup[:absent_mirror]),
        !setup[:http] || mirrors.insecure?(info, setup[:registry]),
        setup[:absent_http].nil? || !mirrors.insecure?(info, setup[:absent_http])
      ]
      wished.all?
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
