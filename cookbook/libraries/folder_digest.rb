# frozen_string_literal: true

require 'digest'
require 'find'

module StackyardCookbook
  # What a folder holds, as one text: names, links and contents, without what git keeps beside them.
  module FolderDigest
    MOST_FILES = 10_000
    MOST_BYTES = 256 * 1024 * 1024

    module_function

    # The SHA-256 in hex. Raises Invalid where the folder is not there or too large to be a configuration.
    def of(folder)
      raise Invalid, "config_dir #{folder}: is not there; fill it first" unless File.directory?(folder)

      folder = File.realpath(folder)
      paths = inside(folder)
      check_size(folder, paths)
      digest = Digest::SHA256.new
      paths.each { |path| digest << path.delete_prefix(folder).b << "\0" << content(path) << "\0" }
      digest.hexdigest
    rescue SystemCallError => e
      raise Invalid, "config_dir #{folder}: cannot be read (#{e.class.name.split('::').last}); look at it as root"
    end

    def inside(folder)
      paths = []
      Find.find(folder) do |path|
        Find.prune if File.basename(path) == '.git' && path != folder
        paths << path unless File.directory?(path) && !File.symlink?(path)
        break if paths.length > MOST_FILES
      end
      paths.sort
    end

    def check_size(folder, paths)
      bytes = paths.sum { |path| File.lstat(path).size }
      return if paths.length <= MOST_FILES && bytes <= MOST_BYTES

      raise Invalid, "config_dir #{folder}: holds more than #{MOST_FILES} files or #{MOST_BYTES / 1024 / 1024} MiB; " \
                     'name the configuration alone, or set config_replaces false'
    end

    def content(path)
      return "link #{File.readlink(path)}" if File.symlink?(path)

      File.file?(path) ? Digest::SHA256.file(path).hexdigest : 'no file'
    end
    private_class_method :inside, :check_size, :content
  end
end
