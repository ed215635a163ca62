# frozen_string_literal: true

require_relative 'property'
require_relative 'dsl'

class Chef
  # What a resource is: properties, actions, guards, notifications. Methods of this class must not be named by properties.
  class Resource
    extend DSL::Lazy
    include DSL::Lazy
    include DSL::ShellOut

    attr_reader :name, :run_context, :current_action, :enclosing_provider, :declared_at
    attr_accessor :updated, :ignored

    class << self
      def from_file(path)
        kind = Class.new(Resource)
        kind.class_eval(::File.read(path), path, 1)
        raise "#{path}: provides is missing" if kind.provided.nil?
        raise "#{path}: unified_mode true is missing" unless kind.unified?
        raise "#{path}: there is no action" if kind.actions.empty?

        kind
      end

      # A file beside the caller's, whose name begins with an underscore that need not be said (Chef 16.2).
      def use(partial)
        path = ::File.join(::File.dirname(caller_locations(1, 1).first.path), "#{partial}.rb")
        class_eval(::File.read(::File.join(::File.dirname(path), "_#{::File.basename(path).delete_prefix('_')}")))
      end

      attr_reader :provided

      def provides(name)
        raise "#{name}: is a resource already" if DSL::Resources.kinds.key?(name)

        @provided ||= name
        DSL::Resources.provide(name, self)
      end

      def unified_mode(wish)
        @unified = wish
      end

      def unified?
        @unified == true
      end

      def description(_text) = nil
      def chef_version_for_provides(_text) = nil

      def property(name, type = NOT_PASSED, **options)
        if method_defined?(name) && [Object, BasicObject, Kernel, Resource].include?(instance_method(name).owner)
          raise ArgumentError, "Property `#{name}` of resource `#{provided}` overwrites an existing method. " \
                               'A different name should be used for this property.'
        end
        made = properties[name] = Property.new(name, type, options)
        define_method(name) { |value = NOT_PASSED| made.call(self, value) }
      end

      def properties
        @properties ||= superclass.respond_to?(:properties) ? superclass.properties.dup : {}
      end

      def default_action(name = nil)
        @default_action = Array(name) if name
        @default_action || (superclass.respond_to?(:default_action) ? superclass.default_action : [:nothing])
      end

      def actions
        action_class.instance_methods.grep(/\Aaction_/).map { |method| method.to_s.delete_prefix('action_').to_sym }
      end

      def action(name, description: nil, &block)
        _ = description
        action_class.action(name, &block)
      end

      def action_class(&block)
        @action_class ||= Class.new(superclass.respond_to?(:action_class) ? superclass.action_class : Provider)
        @action_class.class_eval(&block) if block
        @action_class
      end
    end

    def initialize(name, run_context, enclosing_provider = nil)
      @name = name.is_a?(Array) ? name.join(', ') : name
      raise ArgumentError, "#{self.class.provided}: a name is no text (#{name.inspect})" unless @name.is_a?(String)

      @run_context = run_context
      @enclosing_provider = enclosing_provider
      @declared_at = caller_locations.find { |place| place.path.end_with?('.rb') && !place.path.start_with?(__dir__) }
      @guards = []
    end

    def action(names = nil)
      return @action || self.class.default_action if names.nil?

      unknown = Array(names) - self.class.actions
      raise Exceptions::ValidationFailed, "#{self}: there is no action #{unknown.join(', ')}" unless unknown.empty?

      @action = Array(names)
    end

    def sensitive(wish = nil)
      @sensitive = wish unless wish.nil?
      @sensitive == true
    end

    # In octal; for as long as an action runs (Chef 16.2).
    def umask(wish = nil)
      raise Exceptions::ValidationFailed, "#{self}: umask is no text" unless wish.nil? || wish.is_a?(String)

      @umask = wish unless wish.nil?
      @umask
    end

    def ignore_failure(wish)
      @ignored = wish
    end

    def node = run_context.node
    def only_if(command = nil, **options, &block) = @guards.push([command || block, options, true])
    def not_if(command = nil, **options, &block) = @guards.push([command || block, options, false])

    def notifies(action, target, timing = :delayed)
      run_context.notify(self, target, action, timing)
    end

    def subscribes(action, source, timing = :delayed)
      run_context.subscribe(source, self, action, timing)
    end

    def updated? = @updated == true
    def updated_by_last_action? = @updated_by_last == true

    def updated_by_last_action(value)
      @updated ||= value
      @updated_by_last = value
    end

    # Names of Chef's own methods of a resource that are not needed here, and that no property may have.
    %i[retries retry_delay params source_line identity events logger provider noop guard_interpreter before state_for_resource_reporter
       compile_time cookbook_name recipe_name custom_exception_message defined_at resource_name allowed_actions
       elapsed_time declared_type validate_action should_skip? resources run_context current_value].each do |name|
      define_method(name) { |*| raise NotImplementedError, "#{name} of resources is not known here" } unless method_defined?(name)
    end

    def property_is_set?(name)
      self.class.properties.fetch(name).set?(self)
    end

    def to_s
      "#{self.class.provided}[#{name}]"
    end

    # Runs one action, and says what failed as Chef does.
    def run_action(action)
      updated_by_last_action(false)
      @current_action = action
      return if action == :nothing || !guarded?

      begin
        with_umask { self.class.action_class.new(self, run_context).run(action) }
      rescue StandardError => e
        raise e unless ignored

        run_context.report.line("#{self} failed, which is ignored: #{e.message}")
      end
      run_context.after(self) if updated_by_last_action?
    rescue StandardError => e
      run_context.report.failed(self, e)
      raise
    ensure
      run_context.report.updated(self) if updated_by_last_action?
    end

    # As Chef prints a resource that failed.
    def to_text
      return "#{self}: suppressed sensitive resource output" if sensitive

      set = self.class.properties.values.select { |property| property.set?(self) }
      values = set.map do |property|
        value = instance_variable_get(:"@#{property.name}")
        "  #{property.name} #{property.sensitive? ? '"*sensitive value suppressed*"' : value.inspect}"
      end
      "#{self} (#{declared_at})\n#{values.join("\n")}"
    end

    # Blocks of resources in an action may use that action's public methods.
    def method_missing(name, *arguments, **options, &block)
      unless enclosing_provider&.respond_to?(name)
        raise NoMethodError, "undefined method `#{name}' for #{self.class.provided} resource #{self}"
      end

      enclosing_provider.public_send(name, *arguments, **options, &block)
    end

    def respond_to_missing?(name, all = false)
      enclosing_provider&.respond_to?(name, all) || super
    end

    private

    def with_umask
      before = ::File.umask(umask.oct) if umask
      yield
    ensure
      ::File.umask(before) if before
    end

    def guarded?
      @guards.all? do |guard, options, wish|
        answer = guard.is_a?(Proc) ? instance_eval(&guard) : shell_out(guard, **options).exitstatus.zero?
        !!answer == wish
      end
    end
  end
end
