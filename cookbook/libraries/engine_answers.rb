# frozen_string_literal: true

require 'json'

module StackyardCookbook
  # What docker and podman answer when they are asked for an image or a container. Chef gives it without an encoding.
  module EngineAnswers
    ABSENT = /no such (?:image|container|object)|image not known/i.freeze
    HINT = /--help|\AUsage:/.freeze
    private_constant :ABSENT, :HINT

    module_function

    # Of `image inspect` or `container inspect --format '{{json .}}'`: what it printed, decoded, or nil where there is
    # no such thing. Raises Invalid where the engine did not answer: it may be away, and nothing follows from that.
    def inspected(what, exit_code:, stdout:, stderr:)
      return decoded(what, stdout) if exit_code.zero?
      return nil if stderr.match?(ABSENT)

      raise Invalid, "#{what}: the engine does not answer (#{first_line(stderr)}); is it running?"
    end

    # Why a command failed, in one line: not the hint that stands beside it.
    def reason(stderr)
      (readable(stderr).lines.map(&:strip).reject { |line| line.empty? || line.match?(HINT) }.last || 'it says nothing')[0, 500]
    end

    def decoded(what, stdout)
      JSON.parse(stdout)
    rescue JSON::ParserError
      # The parser would quote the answer, in which the environment of a container stands.
      raise Invalid, "#{what}: the engine answered no JSON; is it docker or podman?", cause: nil
    end

    def first_line(text)
      readable(text).lines.map(&:strip).reject(&:empty?).first || 'no output'
    end

    def readable(text)
      text.dup.force_encoding(Encoding::UTF_8).scrub('?')
    end
    private_class_method :decoded, :readable
  end
end
