# frozen_string_literal: true

module StackyardCookbook
  # /etc/containerd/config.toml, of which one line is ours: where the CRI finds the hosts.toml files. containerd reads it
  # only when it starts.
  class ContainerdConfig
    PATH = '/etc/containerd/config.toml'
    NEW = "version = 2\n"
    # The plugin that reads hosts.toml for Kubernetes, by the version of the file.
    PLUGINS = {
      '2' => 'io.containerd.grpc.v1.cri', '3' => 'io.containerd.cri.v1.images', '4' => 'io.containerd.cri.v1.images'
    }.freeze
    # Of files that containerd 1 reads, which takes a list of directories; the CRI of 2.1 and later reads none of a list.
    TAKES_LISTS = '2'
    CRI = /(["'])(?:cri|io\.containerd\.grpc\.v1\.cri|io\.containerd\.cri\.v1\.images)\1/.freeze
    # What hosts.toml files take the place of.
    HOSTS_TABLES = %w[mirrors configs].freeze
    STRING = /\A(?:"([^"\\]*)"|'([^']*)')\z/.freeze

    # Its text with `config_path` for the CRI, everything else byte for byte as it was; nil where the file is to be left
    # alone, for the CRI is disabled, as Docker's hosts have it. `existing` holds the texts of the files that are there, by
    # path. Raises Invalid.
    def self.with_certs(existing)
      text = existing[PATH]
      new(Utf8Text.blank?(text) ? NEW : Utf8Text.of(PATH, text), existing).with_certs
    end

    private_class_method :new

    def initialize(text, existing)
      @text = text
      @existing = existing
      @outline = TomlOutline.new(text)
    end

    def with_certs
      refuse("line #{@outline.unreadable} is none that can be read here; #{by_hand}") if @outline.unreadable
      return nil if @outline.top_level('disabled_plugins').to_s.match?(CRI)

      @plugin = plugin
      @registry = ['plugins', @plugin, 'registry']
      refuse_other_settings
      setting = @outline.entries.find { |entry| entry.path == [*@registry, 'config_path'] }
      directories = setting && directories_of(setting)
      return @text if settled?(directories)

      refuse_imports
      setting ? with_value(setting, directories.join(':')) : with_line
    end

    private

    def version
      @outline.top_level('version') || '1'
    end

    def settled?(directories)
      named = directories.to_a.map { |each| each.delete_suffix('/') }
      version == TAKES_LISTS ? named.include?(HostsToml::DIRECTORY) : named == [HostsToml::DIRECTORY]
    end

    def plugin
      PLUGINS.fetch(version) do
        refuse("its version is none of 2, 3 and 4; #{by_hand}") unless version == '1'
        refuse('it is of version 1, which is not edited; ' \
               'make it version 2 or later (containerd config migrate), then try again')
      end
    end

    def refuse_other_settings
      @outline.tables.each { |table| refuse_rival(table.path) }
      @outline.entries.each do |entry|
        below = ours?(entry.table)
        refuse_rival(entry.path) if below
        next unless below ? odd_below?(entry) : odd_above?(entry)

        refuse("the registry table of the plugin is written in a form that is not edited; #{by_hand}")
      end
    end

    # Refuses what containerd does not start with beside config_path. An empty table of mirrors, as its own default file
    # has it, is none.
    def refuse_rival(path)
      kind, host, what = path.drop(3) if ours?(path)
      rival = 'mirrors' if kind == 'mirrors' && host
      rival = 'configs tls' if kind == 'configs' && what == 'tls'
      return unless rival

      refuse("containerd refuses registry.#{rival} beside config_path; " \
             "move it to #{HostsToml::DIRECTORY}/HOST/hosts.toml, and take it out")
    end

    def odd_above?(entry)
      ours?(entry.path) || @registry[0, entry.path.length] == entry.path
    end

    def odd_below?(entry)
      inline = entry.value.start_with?('{') && HOSTS_TABLES.include?(entry.path[3])
      inline || (entry.table == @registry && entry.path.length > 4)
    end

    def ours?(path)
      path[0, 3] == @registry
    end

    def refuse_imports
      setting = ContainerdImports.setting(@outline.top_level('imports') || '[]', @existing)
      refuse("imports brings in #{setting}; #{by_hand}, or take imports out") if setting
    end

    def directories_of(setting)
      text = STRING.match(setting.value)&.captures&.compact&.first
      refuse("config_path is written in a form that is not edited; #{by_hand}") unless text
      text.split(':', -1)
    end

    def with_value(setting, directories)
      refuse("config_path is #{directories.gsub(/[^ -~]/, '?')}; #{other_directories_fix}") unless directories.empty?
      changed(setting.at) { |line| line.sub(/=[ \t]*(?:""|'')/) { "= \"#{HostsToml::DIRECTORY}\"" } }
    end

    def other_directories_fix
      return "add :#{HostsToml::DIRECTORY} to it by hand" if version == TAKES_LISTS

      "make it #{HostsToml::DIRECTORY} alone by hand, for containerd 2.1 and later reads no list"
    end

    def with_line
      header = @outline.tables.find { |table| table.path == @registry }
      return "#{ended(@text)}\n[plugins.\"#{@plugin}\".registry]\n  #{setting}\n" unless header

      changed(header.at) { |line| "#{ended(line)}#{line[/\A[ \t]*/]}  #{setting}\n" }
    end

    def changed(at)
      lines = @outline.lines.dup
      lines[at] = yield lines[at]
      lines.join
    end

    def ended(text)
      text.end_with?("\n") ? text : "#{text}\n"
    end

    def setting
      "config_path = \"#{HostsToml::DIRECTORY}\""
    end

    def by_hand
      "set #{setting} in the plugin's registry table by hand"
    end

    def refuse(cause)
      raise Invalid, "#{PATH}: #{cause}"
    end
  end
end
