# frozen_string_literal: true

module StackyardCookbook
  # The logins of one user: ~/.docker/config.json and the auth.json of podman and CRI-O, which have the same form.
  module LoginFile
    PATH = '~/.docker/config.json'
    AUTHS = 'auths'
    HELPERS = 'credHelpers'
    # What a client would use instead of `auth`.
    RIVALS = %w[identitytoken registrytoken username password].freeze
    FIX = "use 'docker login' (in Chef credential_helper), or take it out"
    HELPER = /\A[a-z0-9][a-z0-9._-]*\z/.freeze

    module_function

    # The text (nil: absent) with a login at a registry (host[:port]); every other key stays. Raises Invalid, also where
    # a credential helper is set, for clients ask that one and ignore this login. `path` is for the message.
    def with(text, registry, username, password, path: PATH)
      name = RegistryName.parse(registry)
      pair = LoginPair.parse(username, password)
      CanonicalJson.merge(path, text) do |file|
        refuse_helper(file, name, path)
        auths = object(file, AUTHS, path)
        file.merge(AUTHS => auths.merge(name => entry(object(auths, name, path, "auths of #{name}"), pair)))
      end
    end

    # The text with the program docker-credential-HELPER for a registry, and without a login there. Raises Invalid.
    def with_helper(text, registry, helper, path: PATH)
      name = RegistryName.parse(registry)
      CanonicalJson.merge(path, text) do |file|
        helpers = object(file, HELPERS, path).merge(name => helper_name(helper))
        forgotten(file, AUTHS, name, path).merge(HELPERS => helpers)
      end
    end

    # The text without a login or helper for the registry; an absent file stays absent (nil). Raises Invalid.
    def without(text, registry, path: PATH)
      name = RegistryName.parse(registry)
      CanonicalJson.merge(path, text) do |file|
        forgotten(forgotten(file, AUTHS, name, path), HELPERS, name, path)
      end
    end

    # The credential helper that the text names for the registry, nil where there is none. Raises Invalid.
    def helper(text, registry, path: PATH)
      found = object(CanonicalJson.object(path, text), HELPERS, path)[RegistryName.parse(registry)]
      found.is_a?(String) && found.match?(HELPER) ? found : nil
    end

    def entry(before, pair)
      rest = before.reject { |key, _| RIVALS.include?(key) }
      encoded = [pair].pack('m0')
      # Line ends are all that clients skip: without its padding docker refuses the whole file.
      rest['auth'].to_s.delete("\r\n") == encoded ? rest : rest.merge('auth' => encoded)
    end

    def forgotten(file, key, name, path)
      members = object(file, key, path)
      members.key?(name) ? file.merge(key => members.reject { |other, _| other == name }) : file
    end

    def object(parent, key, path, called = key)
      value = parent.fetch(key, {})
      return value if value.is_a?(Hash)

      raise Invalid, "#{path}: #{called} is no object; correct it"
    end

    def refuse_helper(file, name, path)
      helper = 'credsStore is set' if set?(file['credsStore'])
      helper = "credHelpers has #{name}" if helper.nil? && set?(object(file, HELPERS, path)[name])
      raise Invalid, "#{path}: #{helper}, so that a program is asked instead of this file; #{FIX}" if helper
    end

    def set?(value)
      ![nil, ''].include?(value)
    end

    def helper_name(helper)
      return helper if helper.is_a?(String) && helper.valid_encoding? && helper.match?(HELPER)

      raise Invalid, 'credential_helper: it is no name; give what follows docker-credential- in the program, such as pass'
    end

    private_class_method :entry, :forgotten, :object, :refuse_helper, :set?, :helper_name
  end
end
