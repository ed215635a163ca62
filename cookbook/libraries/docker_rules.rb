# frozen_string_literal: true

module StackyardCookbook
  # What dockerd cannot do with a setup.
  module DockerRules
    module_function

    # Raises Invalid for a mirror that dockerd would ignore or that it would not keep to.
    def check(setup)
      setup.mirrors.each { |mirror| check_mirror(mirror, setup) }
    end

    def check_mirror(mirror, setup)
      unless mirror.hub?
        raise Invalid, "#{mirror.member}.upstream: Docker's registry-mirrors serves docker.io only; " \
                       "pull #{setup.registry}/mirror/#{mirror.given_name || mirror.upstream}/… instead"
      end
      raise Invalid, "#{mirror.member}.only: Docker always falls back to Docker Hub; leave it out for docker" if mirror.only
      return if setup.docker_mirror

      raise Invalid, "dockerMirror: Docker takes its mirror from the server's root mirror (mirror.root there); " \
                     'give its URL, such as https://registry.example:5001'
    end

    private_class_method :check_mirror
  end
end
