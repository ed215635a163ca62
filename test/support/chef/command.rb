# frozen_string_literal: true

require 'etc'

class Chef
  # A command that ended otherwise than it should.
  class ShellCommandFailed < RuntimeError; end

  # What Chef's shell_out does: several words are the arguments of one program, one text is the shell's if it has to be.
  class Command
    OPTIONS = %i[timeout input environment env user group cwd umask returns sensitive default_env login live_stream].freeze
    SYSTEM = %w[/usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin].freeze
    TIMEOUT = 600
    class Timeout < RuntimeError; end

    attr_reader :stdout, :stderr, :exitstatus

    def initialize(words, options)
      unknown = options.keys - OPTIONS
      raise ArgumentError, "shell_out: option #{unknown.join(', ')} is unknown" unless unknown.empty?
      raise ArgumentError, 'shell_out: there is no command' if words.empty?
      odd = words.reject { |word| word.is_a?(String) }
      raise ArgumentError, "shell_out: #{odd.inspect} are no texts" unless odd.empty?

      @words = words
      @options = options
    end

    def run
      input, write = IO.pipe
      pipes = [IO.pipe, IO.pipe]
      pid = start(input, *pipes.map(&:last))
      [input, *pipes.map(&:last)].each(&:close)
      readers = pipes.map { |from, _| Thread.new { from.read } }
      feeder = Thread.new { feed(write) }
      status = await(pid)
      feeder.join
      @stdout, @stderr = readers.map { |reader| labelled(reader.value) }
      @exitstatus = status.exitstatus
      self
    end

    def error!
      wished = Array(@options.fetch(:returns, 0))
      return self if wished.include?(exitstatus)

      said = "---- Begin output of #{@words.join(' ')} ----\nSTDOUT: #{stdout}\nSTDERR: #{stderr}\n---- End output ----"
      said = 'suppressed sensitive output' if @options[:sensitive]
      raise ShellCommandFailed, "Expected process to exit with #{wished.inspect}, but received '#{exitstatus}'\n#{said}"
    end

    private

    def start(input, out, err)
      words = [*as_user, *@words]
      # One text goes to the shell where it needs one; several words never do.
      words[0] = [words[0], words[0]] if words.length > 1
      others = @options[:umask] ? { umask: @options[:umask].to_s.oct } : {}
      Process.spawn(environment, *words, in: input, out: out, err: err, chdir: @options.fetch(:cwd, Dir.pwd), **others)
    end

    # Without `login` the user alone changes: the group and the further groups stay those of root.
    def as_user
      return [] unless @options[:user] || @options[:group]
      raise Errno::ENOENT, "No such file or directory - #{@words.first}" unless found?

      ['setpriv', *("--reuid=#{account.uid}" if account), *("--regid=#{group}" if group), further_groups, '--']
    end

    def account
      user = @options[:user]
      @account ||= user && (user.is_a?(Integer) ? Etc.getpwuid(user) : Etc.getpwnam(user))
    end

    def login?
      @options[:login] && account
    end

    def group
      given = @options[:group]
      return given.is_a?(Integer) ? given : Etc.getgrnam(given).gid if given

      account.gid if login?
    end

    # Of a login they are those that name the user, not the group of its own.
    def further_groups
      return '--keep-groups' unless login?

      Etc.endgrent
      found = Etc.enum_for(:group).select { |one| one.mem.include?(account.name) }.map(&:gid)
      found.empty? ? '--clear-groups' : "--groups=#{found.join(',')}"
    end

    def login_environment
      return {} unless login?

      { 'HOME' => account.dir, 'SHELL' => account.shell, 'USER' => account.name, 'LOGNAME' => account.name,
        'PATH' => '/sbin:/bin:/usr/sbin:/usr/bin', 'IFS' => "\t\n" }
    end

    def found?
      folders = environment.fetch('PATH', ENV.fetch('PATH', '')).split(':')
      @words.first.include?('/') || folders.any? { |folder| File.executable?(File.join(folder, @words.first)) }
    end

    def environment
      given = @options.fetch(:environment, @options.fetch(:env, {}))
      raise ArgumentError, 'shell_out: environment is no mapping of texts' unless given.all? { |key, value|
        key.is_a?(String) && (value.nil? || value.is_a?(String))
      }
      return login_environment.merge(given) if @options[:default_env] == false

      path = [*ENV.fetch('PATH', '').split(':'), *SYSTEM].uniq.join(':')
      defaults = { 'PATH' => path, 'LANG' => 'C.UTF-8', 'LC_ALL' => 'C.UTF-8', 'LANGUAGE' => 'C.UTF-8' }
      login_environment.merge(defaults, given)
    end

    # As Chef has it: no text but that of ASCII is known by its encoding.
    def labelled(text)
      text.force_encoding(text.ascii_only? ? Encoding::UTF_8 : Encoding::BINARY)
    end

    # A command that ends before it has read it is an error of its own, EPIPE.
    def feed(write)
      Thread.current.report_on_exception = false
      write.write(@options[:input]) if @options[:input]
    ensure
      write.close
    end

    def await(pid)
      deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + @options.fetch(:timeout, TIMEOUT)
      loop do
        _, status = Process.wait2(pid, Process::WNOHANG)
        return status if status
        if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline
          Process.kill('KILL', pid)
          Process.wait(pid)
          raise Timeout, "Command timed out after #{@options.fetch(:timeout, TIMEOUT)}s: #{@words.join(' ')}"
        end
        sleep 0.005
      end
    end
  end
end
