# frozen_string_literal: true

class Chef
  module Exceptions
    class ValidationFailed < ArgumentError; end
    class ResourceNotFound < RuntimeError; end
    class VerificationFailed < RuntimeError; end
    class ChecksumMismatch < RuntimeError; end
    class FileTypeMismatch < RuntimeError; end
    class InvalidSymlink < RuntimeError; end
  end

  # What `lazy { … }` is until it is asked for.
  class DelayedEvaluator < Proc; end

  NOT_PASSED = Object.new.freeze

  # One property of a resource: its default, its coercion, its checks. As Chef 18 has it: nil sets the default where the
  # type does not name nil, and a coercion is thought to take nil.
  class Property
    OPTIONS = %i[is equal_to regex callbacks coerce default name_property required sensitive desired_state identity
                 description introduced deprecated kind_of default_description skip_docs].freeze

    attr_reader :name, :options

    def initialize(name, type, options)
      unknown = options.keys - OPTIONS
      raise ArgumentError, "property #{name}: unknown options #{unknown.join(', ')}" unless unknown.empty?
      raise ArgumentError, "property #{name}: a default and name_property" if options.key?(:default) && options[:name_property]

      @name = name
      @options = type == NOT_PASSED ? options : options.merge(is: type)
      # A default that is no lazy one is checked where it is written.
      checked_default(nil) if options.key?(:default) && !options[:default].is_a?(DelayedEvaluator) && !options.key?(:coerce)
    end

    def call(resource, value = NOT_PASSED)
      value.equal?(NOT_PASSED) ? get(resource) : set(resource, value)
    end

    def get(resource)
      value = set?(resource) ? output(resource, resource.instance_variable_get(variable)) : default_of(resource)
      raise Exceptions::ValidationFailed, "#{name} is a required property" if value.nil? && required?(resource.current_action)

      value
    end

    def set(resource, value)
      value = options[:default] if value.nil? && !takes_nil?
      value = checked(resource, value) unless value.is_a?(DelayedEvaluator)
      raise Exceptions::ValidationFailed, "#{name} is a required property" if value.nil? && required?(resource.current_action)

      resource.instance_variable_set(variable, value)
    end

    def set?(resource)
      resource.instance_variable_defined?(variable)
    end

    def required?(action)
      needed = options[:required]
      needed.is_a?(Array) && action ? needed.include?(action) : !!needed
    end

    def sensitive?
      options.fetch(:sensitive, false)
    end

    private

    def variable
      :"@#{name}"
    end

    def default?
      options.key?(:default) || options[:name_property]
    end

    def takes_nil?
      options.key?(:coerce) || (options.key?(:is) && Array(options[:is]).any? { |type| type.nil? || type == NilClass })
    end

    def default_of(resource)
      return unless default?

      value = checked_default(resource)
      # Those of Chef are copies, which the resource keeps.
      value = Marshal.load(Marshal.dump(value)) if value.is_a?(Hash) || value.is_a?(Array) || value.is_a?(String)
      resource.instance_variable_set(variable, value) unless value.nil? || value.frozen?
      value
    end

    def checked_default(resource)
      value = options[:name_property] ? resource.name : options[:default]
      output(resource, value.is_a?(DelayedEvaluator) ? value : checked(resource, value, default: true))
    end

    def output(resource, value)
      value.is_a?(DelayedEvaluator) ? checked(resource, resource.instance_eval(&value), default: true) : value
    end

    def checked(resource, value, default: false)
      value = resource.instance_exec(value, &options[:coerce]) if options.key?(:coerce) && !value.nil?
      # A default of nil stands for none.
      validate(value) unless value.nil? && (default || !default? || options[:default].nil?)
      value
    end

    def validate(value)
      kinds = [*options[:is], *options[:kind_of]]
      kinds = [options[:is]] if options.key?(:is) && options[:is].nil?
      fail_as("must be one of #{kinds.inspect}", value) unless kinds.empty? || kinds.any? { |kind| kind === value }
      equal = Array(options[:equal_to])
      fail_as("must be equal to one of #{equal.inspect}", value) unless equal.empty? || equal.include?(value)
      regex = Array(options[:regex])
      fail_as("must match #{regex.inspect}", value) unless regex.empty? || regex.any? { |form| form.match?(value.to_s) }
      options.fetch(:callbacks, {}).each { |said, check| fail_as(said, value) unless check.call(value) }
    end

    def fail_as(rule, value)
      raise Exceptions::ValidationFailed, "Option #{name} #{rule}! You passed #{value.inspect}."
    end
  end
end
