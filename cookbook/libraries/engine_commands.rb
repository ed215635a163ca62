# frozen_string_literal: true

require 'stringio'

module StackyardCookbook
  # Commands of the resource's engine, docker or podman; mixed into action classes of resources with `engine` and `home`.
  module EngineCommands
    def engine(*arguments, timeout: 120, **options)
      home = new_resource.home
      environment = { 'HOME' => home }
      environment['DOCKER_CONFIG'] = "#{home}/.docker" if new_resource.engine == 'docker'
      shell_out(new_resource.engine, *arguments, timeout: timeout, environment: environment, **options)
    rescue Errno::ENOENT
      raise StackyardCookbook::Invalid, "engine #{new_resource.engine}: is not installed; install it first"
    end

    # The same; raises Invalid with what the engine said.
    def engine!(*arguments, timeout: 120)
      answer = engine(*arguments, timeout: timeout)
      return answer.stdout if answer.exitstatus&.zero?

      said = StackyardCookbook::EngineAnswers.reason(answer.stderr)
      raise StackyardCookbook::Invalid, "#{new_resource.engine} #{arguments.first} failed: #{said}"
    end

    def inspect_image(reference)
      inspect_as('image', reference.to_s)
    end

    def inspect_container(name)
      inspect_as('container', name)
    end

    private

    def inspect_as(kind, name)
      # A container's environment may hold secrets, which Chef would show when it traces.
      answer = engine(kind, 'inspect', '--format', '{{json .}}', name, live_stream: ::StringIO.new)
      StackyardCookbook::EngineAnswers.inspected("#{new_resource.engine} #{kind} #{name}",
                                                 exit_code: answer.exitstatus || 1, stdout: answer.stdout, stderr: answer.stderr)
    rescue StackyardCookbook::Invalid
      # Where Chef only asks why, the engine may be one that it would install first.
      raise unless Chef::Config[:why_run]
    end
  end
end
