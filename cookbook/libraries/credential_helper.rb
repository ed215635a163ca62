# frozen_string_literal: true

require 'json'

module StackyardCookbook
  # What the programs docker-credential-NAME answer. They tell errors by their standard output.
  module CredentialHelper
    NOTHING = 'credentials not found in native keychain'

    module_function

    # The login (Username, Secret) that `get` answered; empty where the helper has none, which some tell by an error and
    # some by empty texts; nil where it failed otherwise. Raises Invalid, which quotes nothing of it.
    def login(helper, answer)
      return answer.stdout.strip == NOTHING ? {} : nil unless answer.exitstatus&.zero?

      text = answer.stdout.dup.force_encoding(Encoding::UTF_8)
      value = text.valid_encoding? ? JSON.parse(text) : nil
      raise JSON::ParserError unless value.is_a?(Hash)

      value.values_at('Username', 'Secret').all? { |text| text.to_s.empty? } ? {} : value
    rescue JSON::ParserError
      # Its cause would quote the answer.
      raise Invalid, "credential_helper #{helper}: docker-credential-#{helper} get answered no JSON object; is it a helper?",
            cause: nil
    end

    # That it failed, without its output, which may hold the secret.
    def failure(helper, verb, exitstatus, user)
      program = "docker-credential-#{helper}"
      ended = exitstatus ? "exit status #{exitstatus}" : 'ended by a signal'
      "credential_helper #{helper}: #{program} #{verb} failed (#{ended}); is it set up for #{user}? " \
        "run `#{program} list` as #{user}"
    end
  end
end
