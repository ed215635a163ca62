# frozen_string_literal: true

require 'open3'
require 'rbconfig'

RSpec.describe StackyardCookbook::Invalid do
  it 'is what Chef takes of a property, where Chef is' do
    program = <<~RUBY
      class Chef
        module Exceptions
          class ValidationFailed < ArgumentError; end
        end
      end
      require ARGV.first
      puts StackyardCookbook::Invalid.superclass
    RUBY
    library = File.expand_path('../../../libraries/invalid.rb', __dir__)
    said, = Open3.capture2(RbConfig.ruby, '-e', program, library)
    expect(said).to eq("Chef::Exceptions::ValidationFailed\n")
  end

  it('is an error of its own elsewhere') { expect(described_class.superclass).to be(StandardError) }
end
