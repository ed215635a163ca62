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
      program = StackyardCookbook::ServerFiles::PROGRAM
      if ::File.directory?(program) && !::File.symlink?(program)
        raise StackyardCookbook::Invalid, "#{program}: is a directory that Chef did not make; move it away"
      end

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
      going.each do |name|
        directory ::File.join(place_of, name) do
          recursive true
          action :delete
        end
      end
      # Last: a converge that was ended before removes the rest.
      place(record, text)
    end

    private

    def release_folders
      place_of = StackyardCookbook::ServerFiles::RELEASES
      return [] unless ::Dir.exist?(place_of)

      ::Dir.children(place_of).reject { |name| ::File.symlink?(::File.join(place_of, name)) }
    end

    # A release that the checksum names is asked of nobody where it is there already.
    def release_from_tarball
      releases = StackyardCookbook::ServerFiles::RELEASES
      checksum = new_resource.checksum
      held = "#{releases}/#{checksum[0, 16]}" if checksum
      return held if held && ::Dir.exist?(held)

      tarball = fetched
      return "#{releases}/unknown" if why_run? && !::File.exist?(tarball)

      found = ::Digest::SHA256.file(tarball).hexdigest
      unless [nil, found].include?(checksum)
        raise StackyardCookbook::Invalid, "source #{tarball}: has the SHA-256 #{found}, not checksum"
      end

      release(found[0, 16]) { |folder| unpack(tarball, folder) }
    end

    def unpack(tarball, folder)
      answer = shell_out('tar', '-xzf', tarball, '-C', folder, '--strip-components=1', '--no-same-owner')
      entry = StackyardCookbook::ServerFiles::ENTRY.delete_prefix(StackyardCookbook::ServerFiles::PROGRAM)
      return if answer.exitstatus&.zero? && ::File.file?("#{folder}#{entry}")

      raise StackyardCookbook::Invalid, "source #{new_resource.source}: is no packed npm package; give stackyard-VERSION.tgz"
    end

    def fetched
      source = new_resource.source
      unless source.match?(%r{\Ahttps?://})
        return source if ::File.file?(source) || why_run?

        raise StackyardCookbook::Invalid, "source #{source}: is not there; give the path or URL of stackyard-VERSION.tgz"
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
      folder = release(new_resource.version) { |made| install(made) }
      "#{folder}/node_modules/stackyard"
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

    # Fills the folder of a release that is not there; a half-filled one never has its name.
    def release(name)
      folder = "#{StackyardCookbook::ServerFiles::RELEASES}/#{name}"
      return folder if ::Dir.exist?(folder)

      directory StackyardCookbook::ServerFiles::RELEASES do
        mode '0755'
      end
      converge_by("install the release #{name}") do
        part = "#{folder}#{StackyardCookbook::ServerReleases::PART}"
        ::FileUtils.rm_rf(part)
        ::FileUtils.mkdir_p(part)
        ::File.chmod(0o755, part)
        yield part
        ::File.rename(part, folder)
      ensure
        ::FileUtils.rm_rf(part)
      end
      folder
    end
  end
end
