# frozen_string_literal: true

module StackyardCookbook
  # An image that is named by registry, repository and digest: what it holds can never be another.
  class ImageReference
    COMPONENT = /[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*/.freeze
    FORM = %r{\A(?<registry>[^/@\s]+)/(?<repository>#{COMPONENT}(?:/#{COMPONENT})*)(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?
              @(?<digest>sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})\z}x.freeze
    private_constant :COMPONENT, :FORM

    attr_reader :registry, :repository, :digest

    # Takes `registry.example:5000/team/app@sha256:…`; a tag before the `@` is allowed and says nothing. Raises Invalid.
    def initialize(text)
      match = FORM.match(text.to_s)
      raise Invalid, "#{text}: #{fault(text.to_s)}" unless match

      @registry = match[:registry]
      @repository = match[:repository]
      @digest = match[:digest]
      return if @registry.match?(/[.:]/) || @registry == 'localhost'

      raise Invalid, "#{text}: engines take #{@registry} for a part of Docker Hub; name the registry with a dot or a port"
    end

    def to_s
      "#{registry}/#{repository}@#{digest}"
    end

    private

    def fault(text)
      return 'names no digest, so that it can change; append @sha256:…' unless text.include?('@')
      return 'names no registry; begin with HOST[:PORT]/' unless text.include?('/')

      'is no image; give HOST[:PORT]/REPOSITORY@sha256:…'
    end
  end
end
