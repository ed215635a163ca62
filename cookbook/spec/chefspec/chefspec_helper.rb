# frozen_string_literal: true

# Needs the Chef client's chefspec: rspec --options /dev/null -r ./spec/chefspec/chefspec_helper.rb spec/chefspec
require 'chefspec'
require 'chefspec/policyfile'

PLATFORMS = { 'debian' => %w[12], 'ubuntu' => %w[22.04 24.04] }.freeze

# Each platform that metadata.rb names.
def on_each_platform(&examples)
  PLATFORMS.each do |name, versions|
    versions.each do |version|
      context "on #{name} #{version}" do
        platform name, version
        instance_eval(&examples)
      end
    end
  end
end

# No engine is there: files alone are declared, and nothing is asked or reloaded.
def without_engines(resource)
  stubs_for_provider(resource) do |provider|
    allow(provider).to receive(:installed?).and_return(false)
    allow(provider).to receive(:text_of).and_return(nil)
  end
end
