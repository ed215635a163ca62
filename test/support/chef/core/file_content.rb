# frozen_string_literal: true

class Chef
  # How `file` becomes what it is to be, in Chef's order: an empty file with the mode of the umask, the content with that
  # mode, then the mode and owner. It follows a link unless it is told not to.
  module FileContent
    FAILED = ::File.join(CACHE, 'failed_validations')

    private

    # Chef warns, and manages what the link leads to, where `manage_symlink_source` is not set.
    def manageable?(path)
      return true if !::File.symlink?(path) && (!::File.exist?(path) || ::File.file?(path))
      return sane_link?(path) if ::File.symlink?(path) && new_resource.manage_symlink_source != false
      return true if new_resource.force_unlink

      kind = ::File.symlink?(path) ? 'symlink' : ::File.ftype(path)
      required(false, "File #{path} exists, but is a #{kind}, set force_unlink to true to remove", Exceptions::FileTypeMismatch)
    end

    def sane_link?(path)
      to = ::File.realpath(path)
      if new_resource.manage_symlink_source.nil?
        Log.warn("File #{path} managed by #{new_resource} is really a symlink (to #{to}). Managing the source file instead.")
      end
      required(::File.file?(to), "File #{path} exists, but is a symlink to #{to} which is no file", Exceptions::FileTypeMismatch)
    rescue Errno::ENOENT, Errno::ELOOP
      required(false, "Symlink at #{path} (pointing to #{::File.readlink(path)}) leads to no file", Exceptions::InvalidSymlink)
    end

    def in_the_way?(path)
      ::File.exist?(path) && (!::File.file?(path) || (::File.symlink?(path) && new_resource.manage_symlink_source == false))
    end

    def unlink(path)
      converge_by("unlink #{::File.lstat(path).ftype} at #{path}") do
        ::File.symlink?(path) ? ::File.unlink(path) : FileUtils.rm_rf(path)
      end
    end

    # The content beside its place, readable by its owner alone, verified; where Chef only asks why its folder may not be there.
    def propose(content, path)
      to = ::File.symlink?(path) ? ::File.realpath(path) : path
      folder = whyrun_mode? ? Dir.tmpdir : ::File.dirname(to)
      proposed = Tempfile.create([".chef-#{::File.basename(path, '.*')}", ::File.extname(path)], folder)
      proposed.write(content)
      proposed.close
      verified(proposed.path)
      proposed
    rescue StandardError
      ::File.unlink(proposed.path) if proposed
      raise
    end

    def verified(proposed)
      new_resource.verify.each do |check|
        answer = check.is_a?(Proc) ? nil : shell_out(format(check, path: proposed))
        next if answer ? answer.exitstatus.zero? : check.call(proposed)

        FileUtils.mkdir_p(FAILED)
        kept = ::File.join(FAILED, ::File.basename(proposed))
        FileUtils.cp(proposed, kept)
        said = new_resource.sensitive ? '[sensitive]' : "#{check.is_a?(Proc) ? '' : check}\n#{answer&.stdout}#{answer&.stderr}"
        raise Exceptions::VerificationFailed,
              "Proposed content for #{new_resource.path} failed verification #{said}\nTemporary file moved to #{kept}"
      end
    end

    def create(path)
      converge_by("create new file #{path}") { FileUtils.touch(path) }
    end

    def replace(proposed, path, wished, before)
      converge_by(said(wished, before)) do
        keep(path) unless before.nil?
        held = ::File.stat(path)
        ::File.chown(held.uid, held.gid, proposed.path)
        ::File.chmod(held.mode & 0o7777, proposed.path)
        ::File.rename(proposed.path, ::File.realpath(path))
      end
    end

    # A secret that others could read for a moment is known to them.
    def refuse_exposure(path, widest)
      return unless new_resource.sensitive && ::File.file?(path)

      final = ::File.stat(path).mode & 0o777
      return if (widest & ~final).zero?

      raise "#{path}: its secret was there with the mode #{format('%04o', widest)} before it had #{format('%04o', final)}; " \
            "give it umask '0077'"
    end

    def keep(path)
      return unless new_resource.backup && new_resource.backup.positive?

      now = Process.clock_gettime(Process::CLOCK_REALTIME, :nanosecond)
      copy = ::File.join(Config[:file_backup_path], "#{path}.chef-#{now}")
      FileUtils.mkdir_p(::File.dirname(copy))
      FileUtils.cp(path, copy, preserve: true)
    end

    # With the lines that change, which Chef shows unless the resource is a sensitive one.
    def said(wished, before)
      change = "update content in file #{new_resource.path}"
      return [change, 'suppressed sensitive resource'] if new_resource.sensitive

      old, new = [before, wished].map { |text| text.to_s.b.lines }
      [change, *(old - new).map { |line| "-#{line.chomp}" }, *(new - old).map { |line| "+#{line.chomp}" }]
    end
  end
end
