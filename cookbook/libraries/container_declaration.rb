# frozen_string_literal: true

require 'digest'
require 'json'
require 'time'

module StackyardCookbook
  # What a container shall be: an image by digest, what is mounted, and how it runs.
  class ContainerDeclaration
    LABEL = 'stackyard.declaration'
    # Engines wait up to a minute before they start one again.
    LATELY_SECONDS = 90
    NAME = /\A[a-zA-Z0-9][a-zA-Z0-9_.-]+\z/.freeze
    FOLDER = /\A[a-zA-Z0-9][a-zA-Z0-9_.-]*\z/.freeze
    private_constant :NAME, :FOLDER

    attr_reader :name

    # name, image (ImageReference), app_name, config_dir (absolute, or nil), config_digest (of what that holds, or nil),
    # read_only, environment (Hash), ports, volumes, tmpfs, options, command (Arrays), network, user, restart (Strings or
    # nil). Raises Invalid.
    def initialize(name:, image:, **wishes)
      @name = checked('container', name, NAME)
      @image = image
      @wishes = wishes
      checked('app_name', wishes.fetch(:app_name), FOLDER)
      check_folder(wishes[:config_dir])
      environment.each { |key, value| check_variable(key, value) }
    end

    # Names everything that is declared; equal declarations have equal ones.
    def digest
      facts = @wishes.merge(environment: environment.sort).sort_by { |key, _| key.to_s }
      Digest::SHA256.hexdigest(JSON.generate([@name, @image.to_s, facts]))
    end

    # The arguments of `docker` or `podman`; values of the environment are in the file alone, for others see arguments.
    def arguments(environment_file)
      [
        'run', '--detach', '--name', name, '--label', "#{LABEL}=#{digest}",
        *given('--restart', :restart), *given('--network', :network), *given('--user', :user),
        *(@wishes[:read_only] ? ['--read-only'] : []),
        *each('--tmpfs', :tmpfs), *each('--publish', :ports), *each('--volume', :volumes), *config_volume,
        '--env-file', environment_file, *@wishes.fetch(:options, []), @image.to_s, *@wishes.fetch(:command, [])
      ]
    end

    # As `--env-file` reads it.
    def environment_text
      environment.map { |key, value| "#{key}=#{value}\n" }.join
    end

    # What there is, beside what shall be: :absent, :foreign (made by somebody else), :different, :paused, :stopped
    # (also one that ends again and again: engines say Running of it) or :running.
    def compare(inspected)
      return :absent if inspected.nil?

      label = self.class.label(inspected)
      return :foreign if label.nil?
      return :different unless label == digest

      state = inspected['State'] || {}
      return :paused if state['Paused']

      state['Running'] && !state['Restarting'] ? :running : :stopped
    end

    # Whether its restart policy started it lately, so that it may be ending again and again.
    def self.restarted?(inspected, now)
      started = inspected.dig('State', 'StartedAt')
      (inspected['RestartCount'] || 0).positive? && !started.nil? && now - Time.parse(started) < LATELY_SECONDS
    end

    # What a container was declared as; nil for one of somebody else.
    def self.label(inspected)
      (inspected.dig('Config', 'Labels') || {})[LABEL]
    end

    private

    def environment
      @wishes.fetch(:environment, {}).each_with_object({}) { |(key, value), all| all[key.to_s] = value.to_s }
    end

    def config_volume
      folder = @wishes[:config_dir]
      folder.nil? ? [] : ['--volume', "#{folder}:/etc/#{@wishes.fetch(:app_name)}:ro"]
    end

    def given(option, key)
      @wishes[key].nil? ? [] : [option, @wishes[key].to_s]
    end

    def each(option, key)
      @wishes.fetch(key, []).flat_map { |value| [option, value] }
    end

    def checked(what, name, form)
      return name if name.match?(form)

      raise Invalid, "#{what} #{name}: is no name; use letters, digits, dots, dashes and underscores, for containers two or more"
    end

    def check_folder(folder)
      return if folder.nil?
      return if folder.match?(%r{\A/[^:[:cntrl:]]*\z})

      raise Invalid, "config_dir #{folder}: is no absolute path without colons; give the folder with the configuration"
    end

    def check_variable(key, value)
      return if key.match?(/\A[A-Za-z_][A-Za-z0-9_.-]*\z/) && !value.match?(/[\r\n\0]/)

      raise Invalid, "environment #{key}: is no name, or its value has several lines; mount a file in config_dir instead"
    end
  end
end
