# frozen_string_literal: true

provides :stackyard_container
unified_mode true

property :container, String, name_property: true
property :image, String
property :engine, String, equal_to: %w[docker podman], default: 'docker'
property :home, String, default: '/root'
property :app_name, String, default: lazy { container }
property :config_dir, String
property :config_replaces, [true, false], default: true
property :read_only, [true, false], default: true
property :environment, [Hash, nil], default: {}, sensitive: true,
                                    coerce: StackyardCookbook::SecretText.coercion('environment', Hash)
property :ports, Array, default: []
property :volumes, Array, default: []
property :tmpfs, Array, default: %w[/tmp /run]
property :network, String
property :run_as, String
property :restart_policy, String, default: 'unless-stopped'
property :command, Array, default: []
property :options, Array, default: []
property :settle, Integer, default: 2
property :stop_timeout, Integer, default: 30
property :timeout, Integer, default: 3600

default_action :run

action :run do
  wished = declaration
  recover(wished)
  stackyard_image new_resource.image do
    engine new_resource.engine
    home new_resource.home
    timeout new_resource.timeout
  end
  inspected = inspect_container(wished.name)
  case wished.compare(inspected)
  when :running then settle(wished.name) if StackyardCookbook::ContainerDeclaration.restarted?(inspected, Time.now)
  when :foreign then refuse_foreign(wished.name)
  when :absent then converge_by("run #{wished.name} from #{new_resource.image}") { start(wished) }
  when :stopped then converge_by("start #{wished.name}") { engine!('start', wished.name) && settle(wished.name) }
  when :paused then converge_by("unpause #{wished.name}") { engine!('unpause', wished.name) }
  when :different then converge_by("replace #{wished.name} by #{new_resource.image}") { replace(wished) }
  end
end

action :restart do
  converge_by("restart #{new_resource.container}") do
    engine!('restart', '-t', new_resource.stop_timeout.to_s, new_resource.container, timeout: stop_limit)
    settle(new_resource.container)
  end
end

action :stop do
  inspected = inspect_container(new_resource.container)
  return unless inspected&.dig('State', 'Running')

  converge_by("stop #{new_resource.container}") { stop(new_resource.container) }
end

action :delete do
  return if inspect_container(new_resource.container).nil?

  converge_by("delete #{new_resource.container}") do
    stop(new_resource.container)
    engine!('rm', new_resource.container)
  end
end

action_class do
  include StackyardCookbook::EngineCommands

  def declaration
    raise StackyardCookbook::Invalid, "container #{new_resource.container}: image is missing" if new_resource.image.nil?

    StackyardCookbook::ContainerDeclaration.new(
      name: new_resource.container, image: StackyardCookbook::ImageReference.new(new_resource.image),
      app_name: new_resource.app_name, config_dir: new_resource.config_dir, config_digest: config_digest,
      read_only: new_resource.read_only,
      environment: new_resource.environment.to_h, ports: new_resource.ports, volumes: new_resource.volumes,
      tmpfs: new_resource.tmpfs, network: new_resource.network, user: new_resource.run_as,
      restart: new_resource.restart_policy, command: new_resource.command, options: new_resource.options
    )
  end

  # An engine would make a folder that is not there, and run without a configuration.
  def config_digest
    folder = new_resource.config_dir
    return nil if folder.nil? || (Chef::Config[:why_run] && !::Dir.exist?(folder))

    digest = StackyardCookbook::FolderDigest.of(folder)
    new_resource.config_replaces ? digest : nil
  end

  def refuse_foreign(name)
    raise StackyardCookbook::Invalid,
          "container #{name}: there is one that this resource did not make; remove it, or choose another name"
  end

  def stop_limit
    new_resource.stop_timeout + 60
  end

  def stop(name)
    engine!('stop', '-t', new_resource.stop_timeout.to_s, name, timeout: stop_limit)
  end

  # The environment goes by a file that is gone afterwards: arguments are in the list of processes.
  def start(wished)
    require 'tempfile'
    ::Tempfile.create('stackyard') do |environment|
      environment.write(wished.environment_text)
      environment.flush
      engine!(*wished.arguments(environment.path))
    end
    settle(wished.name)
  end

  def aside_of(name)
    "#{name}-before"
  end

  # The one before stays aside until the new one runs, and comes back where it does not.
  def replace(wished)
    stop(wished.name)
    engine!('rename', wished.name, aside_of(wished.name))
    begin
      start(wished)
      runs = true
    ensure
      bring_back(wished.name) unless runs
    end
    engine!('rm', aside_of(wished.name))
  end

  def bring_back(name)
    engine!('rm', '--force', name) if inspect_container(name)
    engine!('rename', aside_of(name), name)
    engine!('start', name)
  end

  # What an earlier converge left aside because it was ended.
  def recover(wished)
    aside = inspect_container(aside_of(wished.name))
    return if aside.nil?

    refuse_foreign(aside_of(wished.name)) if StackyardCookbook::ContainerDeclaration.label(aside).nil?
    if wished.compare(inspect_container(wished.name)) == :running
      converge_by("remove #{aside_of(wished.name)}, whose successor runs") { engine!('rm', '--force', aside_of(wished.name)) }
    else
      converge_by("bring #{aside_of(wished.name)} back") { bring_back(wished.name) }
    end
  end

  # A container that ends at once was not run, also where its restart policy starts it again and again: engines say
  # Running of one that waits for that.
  def settle(name)
    restarts = inspect_container(name)&.dig('RestartCount')
    sleep new_resource.settle
    inspected = inspect_container(name) || {}
    state = inspected.fetch('State', {})
    return if state['Running'] && !state['Restarting'] && inspected['RestartCount'] == restarts

    ended = state['Running'] && !state['Restarting'] ? 'again and again' : "with code #{state['ExitCode']}"
    said = engine('logs', '--tail', '1', name)
    last = StackyardCookbook::EngineAnswers.first_line(said.stderr + said.stdout)
    raise StackyardCookbook::Invalid, "container #{name}: ended #{ended} within #{new_resource.settle} s (#{last})"
  end
end
