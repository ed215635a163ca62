# frozen_string_literal: true

require_relative 'dsl'

class Chef
  # An action that runs: `new_resource`, `converge_by`, resources of its own.
  class Provider
    include DSL::Lazy
    include DSL::ShellOut
    include DSL::Resources

    # The block is a method, so that `return` works in it.
    def self.action(name, &block)
      raise "action #{name}: has no block" if block.nil?

      define_method("compile_action_#{name}", &block)
      define_method("action_#{name}") { compile_and_converge(name) }
    end

    action(:nothing) { nil }

    attr_reader :new_resource, :run_context

    def initialize(new_resource, run_context)
      @new_resource = new_resource
      @run_context = run_context
    end

    def node = run_context.node
    def whyrun_mode? = Chef::Config[:why_run]

    def run(action)
      new_resource.class.properties.each_value { |one| one.get(new_resource) if one.required?(action) }
      send("action_#{action}")
    end

    # Says and does a change; where Chef only asks why, it says what it would do.
    def converge_by(descriptions)
      new_resource.updated_by_last_action(true)
      yield unless whyrun_mode?
      run_context.report.change(new_resource, Array(descriptions))
    end

    # Answers whether it is so. Where Chef only asks why, a resource before this one would have made it so.
    def required(good, message, kind = RuntimeError)
      return true if good
      raise kind, message unless whyrun_mode?

      run_context.report.line("#{new_resource}: this would be otherwise by then: #{message}")
      false
    end

    def declaring_provider = self

    private

    def compile_and_converge(name)
      outer = @run_context
      @run_context = outer.child(unified: new_resource.class.unified?)
      send("compile_action_#{name}")
      @run_context.converge
    ensure
      new_resource.updated_by_last_action(true) if @run_context.resources.any?(&:updated?)
      @run_context = outer
    end
  end
end
