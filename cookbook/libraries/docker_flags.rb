# frozen_string_literal: true

module StackyardCookbook
  # The flags that dockerd is started with. It does not start when a flag and daemon.json set the same directive, and
  # daemon.json always has both keys of ours.
  module DockerFlags
    FLAGS = %w[--registry-mirror --insecure-registry].freeze
    COMMENT = /\A\s*[#;]/.freeze
    # A comment behind a value, as the shell reads /etc/default/docker.
    TRAILING = /\A((?>[^"'#\s]++|"[^"]*+"|'[^']*+'|\s++(?!#)|["'#])*+).*\z/m.freeze

    module_function

    # Those of FLAGS that a text gives dockerd: a command line (its words apart by NULs, as in /proc, or blanks), unit
    # files with their drop-ins as `systemctl cat docker` shows them, or /etc/default/docker. Comments do not count.
    def conflicts(text)
      text = text.to_s.b
      words = text.include?("\0") ? text.split("\0") : lines(text).flat_map { |line| line.split(/[\s"']+/n) }
      FLAGS.select { |flag| words.any? { |word| flag?(word, flag) } }
    end

    # Raises Invalid if there are any.
    def refuse!(text)
      flags = conflicts(text)
      return if flags.empty?

      raise Invalid, "docker: dockerd is started with #{flags.join(' and ')}, and does not start when #{DaemonJson::PATH} " \
                     'sets the same; remove the flag from its unit or /etc/default/docker ' \
                     '(registry_mirror and insecure_registry of docker_service left unset)'
    end

    def flag?(word, flag)
      word == flag || word.start_with?("#{flag}=") || word.end_with?("=#{flag}") || word.include?("=#{flag}=")
    end

    # The lines that count: without comments, joined where they go on, and without an ExecStart before an empty one,
    # which resets it.
    def lines(text)
      joined = text.lines.grep_v(COMMENT).join.gsub(/\\\r?\n/n, ' ')
      lines = joined.lines.map { |line| line[TRAILING, 1] }
      reset = lines.rindex { |line| line.match?(/\A\s*ExecStart\s*=\s*\z/) } || 0
      lines.reject.with_index { |line, index| index < reset && line.match?(/\A\s*ExecStart\s*=/) }
    end

    private_class_method :flag?, :lines
  end
end
