# frozen_string_literal: true

module StackyardCookbook
  # What dockerd really uses, from `docker info --format '{{json .}}'`: a reload answers 0 though it refused the file.
  module DockerInfo
    NAME = 'docker info'

    module_function

    # The URLs of its registry mirrors, without trailing slash. Raises Invalid if the daemon did not answer.
    def mirrors(text)
      list = config(text)['Mirrors'] || []
      return list.map { |url| url.delete_suffix('/') } if list.is_a?(Array) && list.all?(String)

      raise Invalid, "#{NAME}: its registry mirrors have an unknown form; see what it prints"
    end

    # True if this URL is among them. Raises Invalid.
    def has?(text, url)
      mirrors(text).include?(MirrorUrl.parse(url))
    end

    # True if plain HTTP to this registry (host[:port]) is allowed by its own name. Raises Invalid.
    def insecure?(text, registry)
      indexes = config(text)['IndexConfigs']
      entry = indexes[RegistryName.parse(registry)] if indexes.is_a?(Hash)
      entry.is_a?(Hash) && entry['Secure'] == false
    end

    def config(text)
      config = CanonicalJson.object(NAME, text)['RegistryConfig']
      return config if config.is_a?(Hash)

      raise Invalid, "#{NAME}: it tells nothing of registries; see that dockerd runs"
    end

    private_class_method :config
  end
end
