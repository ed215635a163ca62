# frozen_string_literal: true

module StackyardCookbook
  # The certificates of the authorities that signed a server's certificate, as PEM text.
  module AuthorityPem
    LABEL = /-----BEGIN ([^\n]*)-----/.freeze
    BLOCK = %r{(?<=\A|[\r\n])-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+\n-----END CERTIFICATE-----(?=[\r\n]|\z)}.freeze
    CONTROL = /[\x00-\x08\x0b-\x1f\x7f]/.freeze
    FIX = 'give the PEM text of the authority that signed it, CERTIFICATE blocks alone'

    module_function

    # The text as it is stored: lines ended by LF, one LF at its end. Raises Invalid without any of the text: a private
    # key, no certificate, something else, control characters.
    def parse(text, member = 'ca')
      raise Invalid, "#{member}: it is no text; #{FIX}" unless text.is_a?(String)

      lines = Utf8Text.of(member, text).gsub("\r\n", "\n")
      fault = fault(lines)
      raise Invalid, "#{member}: #{fault}; #{FIX}" if fault

      "#{lines.sub(/\n*\z/, '')}\n"
    end

    def fault(lines)
      labels = lines.scan(LABEL).flatten
      return 'it holds a private key, which clients must not have' if labels.any?(/PRIVATE KEY/)
      return 'it holds no certificate' if labels.empty?
      return 'it holds something else than certificates' if labels.any? { |label| label != 'CERTIFICATE' }
      return 'a certificate in it is broken' if lines.scan(BLOCK).length != labels.length

      'it holds control characters' if lines.match?(CONTROL)
    end

    private_class_method :fault
  end
end
