# frozen_string_literal: true

module StackyardCookbook
  # What has to be changed so that an account is as it is declared.
  module AccountPlan
    ACTIONS = %w[pull push delete].freeze
    Grants = Struct.new(:add, :remove)

    module_function

    # The members of a user or robot that differ; what is wished as nil stays as it is.
    def changes(current, wished)
      wished.transform_keys(&:to_s).reject { |key, value| value.nil? || same?(current[key], value) }
    end

    # current: the grants as the server lists them; wished: texts such as `team/**:pull,push`, or nil for as they are.
    # Raises Invalid.
    def grants(current, wished)
      return Grants.new([], []) if wished.nil?

      wanted = wished.map { |text| grant(text) }.uniq
      held = current.map { |each| [each, normal(each.fetch('repositories'), each.fetch('actions'))] }
      Grants.new(
        wanted.reject { |each| held.any? { |_, form| form == each } },
        held.reject { |_, form| wanted.include?(form) }.map(&:first)
      )
    end

    # Of `team/**:pull,push`: {'repositories' =>, 'actions' =>}. Raises Invalid.
    def grant(text)
      repositories, colon, actions = text.to_s.rpartition(':')
      names = actions.split(',').map(&:strip)
      good = !colon.empty? && !repositories.empty? && !names.empty? && (names - ACTIONS).empty?
      raise Invalid, "grant #{text}: is none; give PATTERN:ACTIONS, such as team/**:pull,push" unless good

      normal(repositories, names)
    end

    def normal(repositories, actions)
      { 'repositories' => repositories, 'actions' => ACTIONS & actions }
    end

    def same?(held, wished)
      wished.is_a?(Array) ? (held || []).sort == wished.uniq.sort : held == wished
    end
    private_class_method :normal, :same?
  end
end
