# frozen_string_literal: true

class Chef
  # What a run prints: each change, the declaration of what failed, the count.
  class Report
    attr_accessor :total

    def initialize
      @total = 0
      @updated = {}.compare_by_identity
      @failed = nil
    end

    def line(text)
      $stdout.puts(text)
      $stdout.flush
    end

    # The first of the lines is the change, others tell more of it.
    def change(resource, lines)
      line("* #{resource} action #{resource.current_action}: #{lines.join("\n    ")}")
    end

    def updated(resource)
      @updated[resource] = true
    end

    # The first to hear of a failure is the resource itself; those around it say nothing more.
    def failed(resource, error)
      return if error.equal?(@failed)

      @failed = error
      line("FATAL: #{resource}: #{error.message}")
      line(resource.to_text)
    end

    def failed?
      !@failed.nil?
    end

    def finish
      line("resources updated: #{@updated.length}")
    end
  end
end
