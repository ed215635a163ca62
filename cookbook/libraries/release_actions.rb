# frozen_string_literal: true

require 'digest'
require 'fileutils'

module StackyardCookbook
  # Fetches, unpacks and removes releases of a server; mixed into action classes beside HostActions.
  module ReleaseActions
    NPM = %w[--omit=dev --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error].freeze
    private_constant :NPM

    # Each release has a folder of its own, which a link names: going back is the same as going on.
    def unpacked_release
      refuse_strangers
      new_resource.version ? release_from_registry : release_from_tarball
    end

    # The name of the release that is linked, nil where none is.
    def linked_release
      program = StackyardCookbook::ServerFiles::PROGRAM
      ::File.symlink?(program) ? StackyardCookbook::ServerReleases.name_of(::File.readlink(program)) : nil
    end

    # Removes what is neither the release in `folder`, which serves, nor the one that served before it.
    def settle_releases(folder, linked)
      place_of = StackyardCookbook::ServerFiles::RELEASES
      releases = StackyardCookbook::ServerReleases
      record = ::File.join(place_of, releases::RECORD)
      text, going = releases.settle(text_of(record), linked: linked, serving: releases.name_of(folder), entries: release_folders)
      going.each { |name| remove_release(name) }
      # Last: a converge that was ended before removes the rest.
      place(record, text)
    end

    # The file that runs a release, of its folder.
    def entry_file(program)
      "#{program}#{StackyardCookbook::ServerFiles::ENTRY.delete_prefix(StackyardCookbook::ServerFiles::PROGRAM)}"
    end

    private

    def refuse_strangers
      program = StackyardCookbook::ServerFiles::PROGRAM
      if ::File.directory?(program) && !::File.symlink?(program)
        raise StackyardCookbook::Invalid, "#{program}: is a directory that Chef did not make; move it away"
      end

      record = ::File.join(StackyardCookbook::ServerFiles::RELEASES, StackyardCookbook::ServerReleases::RECORD)
      return if ::File.file?(record) || !(::File.symlink?(record) || ::File.exist?(record))

      raise StackyardCookbook::Invalid, "#{record}: is no file; move it away"
    end

    def release_folders
      place_of = StackyardCookbook::ServerFiles::RELEASES
      return [] unless ::Dir.exist?(place_of)

      ::Dir.children(place_of).select do |name|
        path = ::File.join(place_of, name)
        ::File.directory?(path) && !::File.symlink?(path)
      end
    end

    # Under its own name it is at no moment half there.
    def remove_release(name)
      folder = ::File.join(StackyardCookbook::ServerFiles::RELEASES, name)
      part = "#{folder.delete_suffix(StackyardCookbook::ServerReleases::PART)}#{StackyardCookbook::ServerReleases::PART}"
      converge_by("delete the release #{name}") do
        ::File.rename(folder, part) unless folder == part
        ::FileUtils.rm_r(part)
      end
    end

    # A release that the checksum names is asked of nobody where it is there already.
    def release_from_tarball
      releases = StackyardCookbook::ServerFiles::RELEASES
      checksum = new_resource.checksum
      held = "#{releases}/#{checksum[0, 16]}" if checksum
      return held if held && ::File.file?(entry_file(held))

      tarball = fetched
      found = ::File.exist?(tarball) ? ::Digest::SHA256.file(tarball).hexdigest : nil
      unless found && [nil, found].include?(checksum)
        # What Chef would fetch first.
        return held || "#{releases}/unknown" if why_run?

        raise StackyardCookbook::Invalid, "source #{tarball}: has the SHA-256 #{found}, not checksum"
      end

      release(found[0, 16]) { |folder| unpack(tarball, folder) }
    end

    def unpack(tarball, folder)
      answer = shell_out('tar', '-xzf', tarball, '-C', folder, '--strip-components=1', '--no-same-owner')
      return if answer.exitstatus&.zero? && ::File.file?(entry_file(folder))

      raise StackyardCookbook::Invalid, "source #{shown_source}: is no packed npm package; give stackyard-VERSION.tgz"
    end

    def shown_source
      StackyardCookbook::ServerReleases.without_userinfo(new_resource.source)
    end

    def fetched
      source = new_resource.source
      unless source.match?(%r{\Ahttps?://})
        return source if ::File.file?(source) || why_run?

        raise StackyardCookbook::Invalid, "source #{shown_source}: is not there; give the path or URL of stackyard-VERSION.tgz"
      end

      path = ::File.join(Chef::Config[:file_cache_path], "stackyard-#{::Digest::SHA256.hexdigest(source)[0, 16]}.tgz")
      remote_file path do
        source source
        checksum new_resource.checksum if new_resource.checksum
        mode '0644'
        backup false
      end
      path
    end

    def release_from_registry
      release(new_resource.version, below: '/node_modules/stackyard') { |made| install(made) }
    end

    def install(folder)
      version = new_resource.version
      npm = ::File.join(::File.dirname(new_resource.node_path), 'npm')
      answer = shell_out(npm, 'install', '--prefix', folder, *NPM, "stackyard@#{version}",
                         timeout: 900, umask: '0022', environment: { 'PATH' => "#{::File.dirname(npm)}:/usr/bin:/bin" })
      return if answer.exitstatus&.zero?

      raise StackyardCookbook::Invalid,
            "version #{version}: npm cannot install it (#{StackyardCookbook::ServerReleases.npm_reason(answer.stderr)})"
    rescue Errno::ENOENT
      raise StackyardCookbook::Invalid, "version #{version}: there is no #{npm}; install npm, or give source"
    end

    # The folder of a program, at or below that of its release, which is filled where its entry file is not there; a
    # half-filled one never has its name.
    def release(name, below: '')
      folder = "#{StackyardCookbook::ServerFiles::RELEASES}/#{name}"
      program = "#{folder}#{below}"
      return program if ::File.file?(entry_file(program))

      directory StackyardCookbook::ServerFiles::RELEASES do
        mode '0755'
      end
      converge_by("install the release #{name}") do
        part = "#{folder}#{StackyardCookbook::ServerReleases::PART}"
        ::FileUtils.rm_rf(part)
        ::FileUtils.mkdir_p(part)
        ::File.chmod(0o755, part)
        yield part
        ::FileUtils.rm_rf(folder)
        ::File.rename(part, folder)
      ensure
        ::FileUtils.rm_rf(part)
      end
      program
    end
  end
end
