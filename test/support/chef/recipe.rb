# frozen_string_literal: true

require_relative 'dsl'

class Chef
  # A recipe of the cookbook, or a file of resources.
  class Recipe
    include DSL::Lazy
    include DSL::ShellOut
    include DSL::Resources

    attr_reader :run_context

    def initialize(run_context)
      @run_context = run_context
    end

    def node = run_context.node

    # `recipe[stackyard::server]`, `stackyard::server`, `stackyard`, or the path of a file.
    def include_recipe(*names)
      names.each { |name| load(run_context.cookbook.recipe(name)) }
    end

    def load(path)
      return if run_context.cookbook.loaded.include?(path)

      run_context.cookbook.loaded << path
      Recipe.new(run_context).instance_eval(::File.read(path), path, 1)
    end

    private

    def platform?(*names) = names.include?(node['platform'])
    def platform_family?(*names) = names.include?(node['platform_family'])
  end
end
