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

      value = JSON.parse(answer.stdout)
      raise JSON::ParserError unless value.is_a?(Hash)

      value.values_at('Username', 'Secret').all? { |text| text.to_s.empty? } ? {} : value
    rescue JSON::ParserError
      raise Invalid, "credential_helper #{helper}: docker-credential-#{helper} get answered no JSON object; is it a helper?"
    end

    # Why it failed, in one line without the secret that it was given.
    def failure(helper, verb, answer, input)
      said = [answer.stdout, answer.stderr].map { |text| readable(text) }.reject(&:empty?).join(' ')[0, 300]
      said = 'it says nothing that may be shown' if said.empty? || secrets(input).any? { |secret| said.include?(secret) }
      "credential_helper #{helper}: docker-credential-#{helper} #{verb} failed (#{said}); is it set up for this user?"
    end

    def secrets(input)
      value = JSON.parse(input)
      value.is_a?(Hash) ? [value['Secret'], JSON.generate(value['Secret'])[1..-2]].compact : []
    rescue JSON::ParserError
      []
    end

    # Chef gives it without an encoding.
    def readable(text)
      text.dup.force_encoding(Encoding::UTF_8).scrub('?').split.join(' ')
    end
    private_class_method :secrets, :readable
  end
end
