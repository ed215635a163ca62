# frozen_string_literal: true

# As Chef does: every file, in sorted order, and none requires another.
Dir[File.expand_path('../libraries/*.rb', __dir__)].sort.each { |file| require file }

# What every library has to take without any exception but Invalid: texts of files by what is odd in them.
module HostileTexts
  JSON = {
    'deeply nested' => '[' * 100_000,
    'deeply nested in an object' => "#{'{"a":' * 5000}1#{'}' * 5000}",
    'huge and never ending' => "{\"a\": \"#{'x' * 2_000_000}",
    'quotes without end' => "{\"a\": \"#{'\"' * 200_000}",
    'of bytes that are no UTF-8' => "{\"a\": \"\xFF\xFE\"}",
    'begun by a byte order mark' => "\uFEFF{}",
    'with a NUL' => "{}\0",
    'with a NUL in a string' => "{\"a\": \"\0\"}",
    'with a comment' => "{\n// note\n}",
    'with a comment in a member' => '{"a": /* "x */ 1}',
    'with an unknown escape' => '{"a": "\q"}',
    'with half a character' => '{"a": "\ud800"}',
    'with the other half' => '{"a": "\udc00"}',
    'with a trailing comma' => '{"a": 1,}',
    'with NaN' => '{"a": NaN}',
    'in UTF-16' => '{}'.encode('UTF-16LE'),
    'a list' => '[]',
    'a string' => '"x"',
    'null' => 'null',
    'cut off' => '{"auths": {"a": {"auth": "c2VjcmV0OnNlY3JldA=='
  }.freeze
end

RSpec.configure do |config|
  config.disable_monkey_patching!
  config.expect_with(:rspec) { |expectations| expectations.max_formatted_output_length = 1000 }
  config.order = :random
end

RSpec::Matchers.define :be_refused do |with|
  supports_block_expectations
  match do |block|
    block.call
    @said = 'nothing'
    false
  rescue StackyardCookbook::Invalid => e
    @said = e.message
    !@said.include?("\n") && (with.nil? || (with.is_a?(Regexp) ? @said.match?(with) : @said == with))
  end
  failure_message { "expected one line of refusal like #{with.inspect}, got #{@said}" }
end
