# frozen_string_literal: true

require 'etc'
require 'stringio'

module StackyardCookbook
  # Files and services of a host; mixed into action classes, where Chef's own methods are.
  module HostActions
    # The text of a file, nil where there is none.
    def text_of(path)
      ::File.exist?(path) ? ::File.read(path, mode: 'rb').force_encoding('UTF-8') : nil
    end

    # Has the file hold the text; answers whether it did not. A secret is at no moment readable by others: Chef gives new
    # content the mode of the file that it replaces, first.
    def place(path, text, mode: '0644', owner: 'root', group: 'root', secret: false)
      make_folder(::File.dirname(path))
      narrowed = secret && ::File.exist?(path) && narrow(path, mode, owner, group)
      written = file path do
        content text
        owner owner
        group group
        mode mode
        sensitive secret
        umask '0077' if secret
        backup false if secret
      end
      narrowed || written.updated?
    end

    def narrow(path, mode, owner, group)
      narrowed = file path do
        owner owner
        group group
        mode mode
        sensitive true
        backup false
      end
      narrowed.updated?
    end

    # The same for a file that is others' too: its mode and owner stay, and what else it holds is not shown.
    def place_merged(path, text)
      made = !::File.exist?(path)
      make_folder(::File.dirname(path))
      written = file path do
        content text
        mode '0644' if made
        sensitive true
      end
      written.updated?
    end

    def make_folder(folder)
      directory folder do
        recursive true
        mode '0755'
        umask '0022'
        not_if { ::Dir.exist?(folder) }
      end
    end

    # Removes the file; answers whether it was there.
    def remove(path)
      removed = file path do
        backup false
        action :delete
      end
      removed.updated?
    end

    def installed?(program)
      folders = ENV.fetch('PATH', '').split(':') | %w[/usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin]
      folders.any? { |folder| ::File.executable?(::File.join(folder, program)) }
    end

    def active?(service)
      installed?('systemctl') && shell_out('systemctl', 'is-active', '--quiet', service).exitstatus&.zero?
    end

    # Whether the service runs since before the file was written: an earlier converge may have ended in between.
    def older_than?(service, *paths)
      shown = shell_out('systemctl', 'show', '--property', 'ActiveEnterTimestampMonotonic', service).stdout
      age = ::Process.clock_gettime(::Process::CLOCK_MONOTONIC) - (shown[/=(\d+)/, 1].to_i / 1_000_000.0)
      started = ::Time.now - age
      paths.any? { |path| ::File.exist?(path) && ::File.lstat(path).mtime.between?(started, ::Time.now) }
    end

    def why_run?
      Chef::Config[:why_run]
    end

    # The certificates as one text; nil where none are given. Raises Invalid.
    def authority(text, file)
      raise StackyardCookbook::Invalid, 'ca: give the certificates or their file, not both' if text && file
      return text unless file
      raise StackyardCookbook::Invalid, "ca_file #{file}: is not there; give a PEM file" unless ::File.file?(file)

      text_of(file)
    end

    # The entry of /etc/passwd. Raises Invalid.
    def entry_of(user)
      ::Etc.getpwnam(user)
    rescue ArgumentError
      raise StackyardCookbook::Invalid, "user #{user}: there is none of that name; make it first"
    end

    def group_of(user)
      ::Etc.getgrgid(entry_of(user).gid).name
    end

    # Runs a command with nothing but the rights of the user: what the user planted in the home leads no further.
    def as_user(user, *command, input: nil)
      entry = entry_of(user)
      rights = entry.uid.zero? ? [] : ['setpriv', "--reuid=#{entry.uid}", "--regid=#{entry.gid}", '--init-groups', '--']
      # What it prints may be a secret, which Chef would show when it traces.
      shell_out(*rights, *command, input: input, live_stream: ::StringIO.new,
                                   environment: { 'HOME' => entry.dir, 'USER' => user })
    end
  end
end
