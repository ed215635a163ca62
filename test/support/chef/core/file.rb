# frozen_string_literal: true

require 'digest'
require 'etc'
require 'fileutils'
require 'net/http'
require 'tempfile'

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
      default_action :create

      # A command, with %{path} for the proposed file; several add up.
      def verify(command = nil, &block)
        @verify ||= []
        return @verify if command.nil? && block.nil?
        raise ArgumentError, "#{self}: verify has no %{path}" if command.is_a?(String) && !command.include?('%{path}')

        @verify << (command || block)
      end

      action :create do
        raise Exceptions::ResourceNotFound, "Parent directory #{::File.dirname(new_resource.path)} does not exist." unless
          ::File.directory?(::File.dirname(new_resource.path))

        wished = wished_content
        before = ::File.file?(new_resource.path) ? ::File.binread(new_resource.path) : nil
        replace(wished, before) unless wished.nil? ? before : wished.b == before
        converge_access(new_resource.path)
      end

      action :delete do
        next unless ::File.exist?(new_resource.path) || ::File.symlink?(new_resource.path)
        raise "#{new_resource.path}: is a directory" if ::File.directory?(new_resource.path)

        converge_by("delete file #{new_resource.path}") { ::File.unlink(new_resource.path) }
      end

      action_class do
        include Access

        def wished_content
          new_resource.content
        end

        # As Chef does it: a file beside, which has its mode before it has its place, verified.
        def replace(wished, before)
          path = new_resource.path
          beside = Tempfile.create([".chef-#{::File.basename(path, '.*')}", ::File.extname(path)], ::File.dirname(path))
          beside.write(wished.to_s)
          beside.close
          verified(beside.path)
          ::File.chmod(before ? ::File.stat(path).mode & 0o7777 : 0o666 & ~::File.umask, beside.path)
          ::File.chmod(new_resource.mode.to_i(8), beside.path) if new_resource.mode
          keep(before) if before && new_resource.backup
          converge_by(said(wished, before)) { ::File.rename(beside.path, path) }
        ensure
          ::File.unlink(beside.path) if beside && ::File.exist?(beside.path)
        end

        def verified(proposed)
          new_resource.verify.each do |check|
            good = check.is_a?(Proc) ? check.call(proposed) : shell_out(format(check, path: proposed)).exitstatus.zero?
            next if good

            raise Exceptions::VerificationFailed,
                  "Proposed content for #{new_resource.path} failed verification #{check.is_a?(Proc) ? '' : check}"
          end
        end

        def keep(before)
          copy = ::File.join(CACHE, 'backup', "#{new_resource.path}.#{Process.clock_gettime(Process::CLOCK_REALTIME, :nanosecond)}")
          FileUtils.mkdir_p(::File.dirname(copy))
          ::File.binwrite(copy, before)
        end

        # With the lines that change, which Chef shows unless the resource is a sensitive one.
        def said(wished, before)
          change = "#{before ? 'update content in' : 'create new'} file #{new_resource.path}"
          return [change, 'suppressed sensitive resource'] if new_resource.sensitive

          old, new = [before, wished].map { |text| text.to_s.b.lines }
          [change, *(old - new).map { |line| "-#{line.chomp}" }, *(new - old).map { |line| "+#{line.chomp}" }]
        end
      end
    end

    class RemoteFile < File
      provides :remote_file
      property :source, [String, Array], required: true, coerce: proc { |value| Array(value) }
      property :checksum, String

      action_class do
        def wished_content
          path = new_resource.path
          return ::File.binread(path) if new_resource.checksum && ::File.file?(path) &&
                                         Digest::SHA256.file(path).hexdigest == new_resource.checksum

          answer = Net::HTTP.get_response(URI(new_resource.source.first))
          raise "#{new_resource.source.first}: answered #{answer.code}" unless answer.is_a?(Net::HTTPSuccess)

          found = Digest::SHA256.hexdigest(answer.body)
          return answer.body if [nil, found].include?(new_resource.checksum)

          raise "#{new_resource}: has the checksum #{found}, not #{new_resource.checksum}"
        end
      end
    end
  end
end
