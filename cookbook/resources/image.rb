# frozen_string_literal: true

provides :stackyard_image
unified_mode true

property :image, String, name_property: true
property :engine, String, equal_to: %w[docker podman], default: 'docker'
property :home, String, default: '/root'
property :timeout, Integer, default: 3600

default_action :pull

action :pull do
  reference = StackyardCookbook::ImageReference.new(new_resource.image)
  return if inspect_image(reference)

  converge_by("pull #{reference}") do
    engine!('pull', '--quiet', reference.to_s, timeout: new_resource.timeout)
    raise StackyardCookbook::Invalid, "#{reference}: is not there after its pull" unless inspect_image(reference)
  end
end

action :remove do
  reference = StackyardCookbook::ImageReference.new(new_resource.image)
  return unless inspect_image(reference)

  converge_by("remove #{reference}") { engine!('image', 'rm', reference.to_s) }
end

action_class do
  include StackyardCookbook::EngineCommands
end
