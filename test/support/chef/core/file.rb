# frozen_string_literal: true

require 'digest'
require 'etc'
require 'fileutils'
require 'tempfile'
require_relative 'file_content'

class Chef
  class Resource
    class File < Resource
      provides :file
      property :path, String, name_property: true
      property :content, String
      property :mode, String, regex: /\A[0-7]{3,4}\z/
      property :owner, String
      property :group, String
      property :backup, [Integer, false], default: 5
      property :manage_symlink_source, [true, false]
      property :force_unlink, [true, false], default: false
      default_action :create

      # A command, with %{path} for the proposed file; several add up.
      def verify(command = nil, &block)
        @verify ||= []
        return @verify if command.nil? && block.nil?
        raise ArgumentError, "#{self}: verify has no %{path}" if command.is_a?(String) && !command.include?('%{path}')

        @verify << (command || block)
      end

      action :create do
        path = new_resource.path
        required(::File.directory?(::File.dirname(path)), "Parent directory #{::File.dirname(path)} does not exist.",
                 Exceptions::ResourceNotFound)
        next unless manageable?(path)

        wished = wished_content
        unlink(path) if new_resource.force_unlink && in_the_way?(path)
        before = ::File.file?(path) ? ::File.binread(path) : nil
        differs = !wished.nil? && wished.b != before
        proposed = propose(wished, path) if differs
        create(path) if before.nil?
        replace(proposed, path, wished, before) if differs
        widest = ::File.file?(path) && differs ? ::File.stat(path).mode & 0o777 : 0
        converge_access(path)
        refuse_exposure(path, widest)
      ensure
        ::File.unlink(proposed.path) if proposed && ::File.exist?(proposed.path)
      end

      # A link that leads nowhere is none to Chef, and stays.
      action :delete do
        path = new_resource.path
        next unless ::File.exist?(path)

        converge_by("delete file #{path}") do
          keep(path) unless ::File.symlink?(path)
          ::File.delete(path)
        end
      end

      action_class do
        include Access
        include FileContent

        def wished_content
          new_resource.content
        end
      end
    end
  end
end
