# frozen_string_literal: true

require 'json'

# The same cases hold for `stackyard client-config` (src/client-config).
RSpec.describe StackyardCookbook::ClientFiles do
  def self.snake(name)
    name.gsub(/[A-Z]/) { |capital| "_#{capital.downcase}" }.to_sym
  end

  def self.setup_of(value)
    case value
    when Hash then value.to_h { |name, member| [snake(name), setup_of(member)] }
    when Array then value.map { |member| setup_of(member) }
    else value
    end
  end

  path = File.expand_path('../../fixtures/client_files.json', __dir__)
  cases = JSON.parse(File.read(path, encoding: 'UTF-8')).select { |one| described_class::ENGINES.key?(one['engine']) }

  it 'has cases for every engine' do
    expect(cases.map { |one| one['engine'] }.uniq).to match_array(described_class::ENGINES.keys)
  end

  cases.each do |one|
    it "#{one['engine']}: #{one['name']}" do
      setup = self.class.setup_of(one['setup'])
      existing = one['existing'] || {}
      if one['error']
        expect { described_class.files(one['engine'], setup, existing) }.to be_refused(one['error'])
      else
        wanted = one['files'].map { |file| { path: file['path'], mode: file['mode'], content: file['content'] } }
        files = described_class.files(one['engine'], setup, existing)
        expect(files).to eq(wanted)

        written = existing.merge(files.to_h { |file| [file[:path], file[:content]] })
        expect(described_class.files(one['engine'], setup, written)).to eq(files)
      end
    end
  end

  it 'refuses an engine that it does not know' do
    ['', nil, 'kubernetes', "x\xFF", 'x' * 1000].each do |engine|
      expect { described_class.files(engine, { registry: 'reg.example' }) }.to be_refused(/\Aengine: .*give one of docker, cont/)
    end
  end
end
