# frozen_string_literal: true

module StackyardCookbook
  # A secret file below a user's home, read and written with that user's rights; mixed into action classes beside
  # HostActions. Chef's own `file` would follow, as root, the links that the user made.
  module OwnFile
    # Missing folders are 0700. A link is followed to its file, which stays one.
    WRITE = <<~SHELL
      set -e
      umask 077
      target=$(readlink -f -- "$1" || printf %s "$1")
      mkdir -p -- "$(dirname -- "$target")"
      part=$(mktemp -- "$target.XXXXXX")
      trap 'rm -f -- "$part"' EXIT
      cat > "$part"
      mv -f -- "$part" "$target"
    SHELL
    READ = 'if [ -e "$1" ]; then stat -Lc %a -- "$1" && cat -- "$1"; fi'

    # [its text, whether others can read it], or nil where there is none. Raises Invalid.
    def own_file(user, path)
      shown = as_user(user, 'sh', '-c', READ, 'sh', path)
      unless shown.exitstatus&.zero?
        raise StackyardCookbook::Invalid,
              "#{path}: #{user} cannot read it (#{StackyardCookbook::EngineAnswers.first_line(shown.stderr)}); look at its owner"
      end
      return nil if shown.stdout.empty?

      mode, text = shown.stdout.dup.force_encoding('UTF-8').split("\n", 2)
      [text, !(mode.to_i(8) & 0o077).zero?]
    end

    # Has it hold the text, with mode 0600.
    def keep_own_file(user, path, text, held)
      return if held == [text, false]

      converge_by("write #{path}, which belongs to #{user}") do
        written = as_user(user, 'sh', '-c', WRITE, 'sh', path, input: text)
        unless written.exitstatus&.zero?
          raise StackyardCookbook::Invalid,
                "#{path}: #{user} cannot write it (#{StackyardCookbook::EngineAnswers.first_line(written.stderr)})"
        end
      rescue Errno::EPIPE
        raise StackyardCookbook::Invalid, "#{path}: #{user} cannot write it (sh ended before it had read it)"
      end
    end
  end
end
