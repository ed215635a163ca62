# frozen_string_literal: true

class Chef
  # The folder of the cookbook, loaded as Chef loads it: libraries, attributes, resources.
  class Cookbook
    attr_reader :loaded

    def initialize(folder)
      @folder = folder
      @name = metadata_name
      @loaded = []
    end

    def load(node)
      # By name, each requiring nothing of the others.
      files('libraries').each { |path| Kernel.load(path) }
      files('attributes').each { |path| node.from_file(path) }
      files('resources/**').each { |path| Resource.from_file(path) unless ::File.basename(path).start_with?('_') }
    end

    def recipe(text)
      return text if text.start_with?('/')

      cookbook, name = text[/\A(?:recipe\[)?([^\]]+)\]?\z/, 1].split('::')
      path = ::File.join(@folder, 'recipes', "#{name || 'default'}.rb")
      raise Exceptions::ResourceNotFound, "recipe #{text}: is not there" unless cookbook == @name && ::File.file?(path)

      path
    end

    private

    def files(kind)
      Dir[::File.join(@folder, kind, '*.rb')].sort
    end

    def metadata_name
      path = ::File.join(@folder, 'metadata.rb')
      ::File.file?(path) ? ::File.read(path)[/^name\s+['"]([^'"]+)['"]/, 1] : 'stackyard'
    end
  end
end
