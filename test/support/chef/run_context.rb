# frozen_string_literal: true

class Chef
  # The resources of a recipe or of an action, and who is told when they change.
  class RunContext
    Notification = Struct.new(:source, :target, :action)

    attr_reader :node, :report, :resources, :cookbook, :parent

    def initialize(node, report, cookbook, parent: nil, unified: false)
      @node = node
      @report = report
      @cookbook = cookbook
      @parent = parent
      @unified = unified
      @resources = []
      @told = []
      @delayed = []
    end

    def child(unified:)
      RunContext.new(node, report, cookbook, parent: self, unified: unified)
    end

    # In unified mode a resource runs where it is declared.
    def declared(resource)
      report.total += 1
      @resources << resource
      run(resource) if @unified
    end

    # Runs what was not, then what was to wait for the end.
    def converge
      @resources.each { |resource| run(resource) } unless @unified
      return unless parent.nil?

      seen = []
      while (notification = @delayed.shift)
        key = [notification.target, notification.action]
        seen.include?(key) || (seen << key && notification.target.run_action(notification.action))
      end
    end

    def notify(source, target, action, timing)
      unless %i[delayed immediately immediate before].include?(timing.to_sym)
        raise ArgumentError, "#{source}: there is no timing #{timing}"
      end
      raise ArgumentError, "#{source}: the timing before is not known here" if timing.to_sym == :before

      @told << [source, target, action, timing.to_sym]
    end

    def subscribe(source, target, action, timing)
      @told << [source, target, action, timing.to_sym]
    end

    # Tells whoever is to be told of a resource that changed.
    def after(resource)
      @told.each do |source, target, action, timing|
        next unless source.equal?(resource) || source == resource.to_s

        found = target.is_a?(Resource) ? target : find(target)
        raise Exceptions::ResourceNotFound, "#{resource} notifies #{target}, which is not declared" if found.nil?

        timing == :delayed ? root.delay(Notification.new(resource, found, action)) : found.run_action(action)
      end
    end

    def find(text)
      resources.reverse.find { |resource| resource.to_s == text } || parent&.find(text)
    end

    # Errors of Ruby show what they are about; run_state may hold secrets.
    def inspect = '#<Chef::RunContext>'
    def root = parent ? parent.root : self
    def delay(notification) = @delayed << notification

    private

    def run(resource)
      resource.action.each { |action| resource.run_action(action) }
    end
  end
end
