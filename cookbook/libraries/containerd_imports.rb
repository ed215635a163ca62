# frozen_string_literal: true

module StackyardCookbook
  # The files that config.toml imports. Each is merged over it, `config_path = ""` of its own included.
  module ContainerdImports
    # What the default file of containerd 2.2 and later imports. No other import is looked into.
    FILES = '/etc/containerd/conf.d/*.toml'
    LISTED = %r{\A/etc/containerd/conf\.d/[^/]*\.toml\z}.freeze
    NOTHING = /\A\[[ \t]*\][ \t]*\z/.freeze
    ONE = /\A\[[ \t]*(?:"([^"\\]*)"|'([^']*)')[ \t]*,?[ \t]*\][ \t]*\z/.freeze
    # The plugin that reads hosts.toml, by each of its names.
    PLUGIN = /io\.containerd\.grpc\.v1\.cri\b|io\.containerd\.cri\.v1\.images\b|plugins[ \t]*\.[ \t]*["']?cri\b/.freeze
    # Imports of what is imported are followed, too.
    IMPORTS = /^[ \t]*["']?imports["']?[ \t]*=/.freeze
    # Stands for the text of a file that cannot be read: no text of a configuration has a NUL.
    UNREADABLE = "\0"
    private_constant :LISTED, :NOTHING, :ONE, :PLUGIN, :IMPORTS

    module_function

    # Of the value of `imports`: what may set the plugin, as the end of a sentence, nil where nothing does. `existing`
    # holds the texts of the files that are there, by path.
    def setting(value, existing)
      return nil if value.match?(NOTHING)
      return 'other files, which may set config_path otherwise' unless ONE.match(value)&.captures&.compact == [FILES]

      path = existing.keys.select { |each| each.b.match?(LISTED) }.sort.find { |each| may_set?(existing[each].to_s.b) }
      path && "#{printable(path)}, which may set the plugin, too"
    end

    def may_set?(text)
      text.include?(UNREADABLE) || text.match?(PLUGIN) || text.match?(IMPORTS)
    end

    def printable(path)
      path.dup.force_encoding(Encoding::UTF_8).scrub('?').gsub(/[^ -~]/, '?')
    end
    private_class_method :may_set?, :printable
  end
end
