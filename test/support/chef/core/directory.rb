# frozen_string_literal: true

class Chef
  class Resource
    class Directory < Resource
      provides :directory
      property :path, String, name_property: true
      property :recursive, [true, false], default: false
      property :mode, String, regex: /\A[0-7]{3,4}\z/
      property :owner, String
      property :group, String
      default_action :create

      action :create do
        path = new_resource.path
        raise "#{path}: is no directory" if ::File.exist?(path) && !::File.directory?(path)

        unless ::File.directory?(path)
          required(new_resource.recursive || ::File.directory?(::File.dirname(path)),
                   "Parent directory #{::File.dirname(path)} does not exist.", Exceptions::ResourceNotFound)

          converge_by("create new directory #{path}") { FileUtils.mkdir_p(path) }
        end
        converge_access(path)
      end

      action :delete do
        next unless ::File.directory?(new_resource.path)

        converge_by("delete existing directory #{new_resource.path}") do
          new_resource.recursive ? FileUtils.rm_r(new_resource.path) : Dir.rmdir(new_resource.path)
        end
      end

      action_class { include Access }
    end

    class Link < Resource
      provides :link
      property :target_file, String, name_property: true
      property :to, String
      property :link_type, Symbol, default: :symbolic, equal_to: [:symbolic]
      default_action :create

      action :create do
        file = new_resource.target_file
        next if ::File.symlink?(file) && ::File.readlink(file) == new_resource.to
        raise "Cannot create #{new_resource} without specifying 'to'." if new_resource.to.to_s.empty?

        # Chef takes away a file that is there as it does a link; of a directory this fails.
        there = ::File.symlink?(file) || ::File.exist?(file)
        converge_by("unlink existing symlink to file at #{file}") { ::File.unlink(file) } if there
        converge_by("create symlink at #{file} to #{new_resource.to}") { ::File.symlink(new_resource.to, file) }
      end

      action :delete do
        file = new_resource.target_file
        raise "#{file}: is there, and no link" if ::File.exist?(file) && !::File.symlink?(file)
        next unless ::File.symlink?(file)

        converge_by("delete link at #{file}") { ::File.unlink(file) }
      end
    end
  end
end
