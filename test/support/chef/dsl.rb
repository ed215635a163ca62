# frozen_string_literal: true

require_relative 'command'

class Chef
  module DSL
    module Lazy
      def lazy(&block)
        DelayedEvaluator.new(&block)
      end
    end

    # `shell_out` of actions, resources and recipes.
    module ShellOut
      def shell_out(*command, **options)
        Command.new(command.flatten.compact, options).run
      end

      def shell_out!(*command, **options)
        shell_out(*command, **options).tap(&:error!)
      end
    end

    # A method for each resource that is provided.
    module Resources
      def self.kinds
        @kinds ||= {}
      end

      def self.provide(name, kind)
        kinds[name] = kind
        define_method(name) { |title = nil, &block| declare_resource(name, title, &block) }
      end

      def declare_resource(kind, title, &block)
        found = Resources.kinds.fetch(kind) { raise NoMethodError, "there is no resource #{kind}" }
        resource = found.new(title, run_context, declaring_provider)
        resource.instance_eval(&block) if block
        run_context.declared(resource)
        resource
      end

      def find_resource(kind, title)
        run_context.find("#{kind}[#{title}]")
      end

      def find_resource!(kind, title)
        find_resource(kind, title) || raise(Exceptions::ResourceNotFound, "#{kind}[#{title}] is not declared")
      end

      def declaring_provider = nil
    end
  end
end
