# frozen_string_literal: true

# As much of InSpec as the controls of the cookbook use, so that rspec runs them where InSpec is not:
#   rspec -r controls.rb test/integration/SUITE/SUITE_test.rb
require 'etc'
require 'json'
require 'net/http'
require 'open3'
require 'rspec'

# What InSpec calls resources: something of the machine that a control describes.
module Controls
  def self.ok?(*command)
    Open3.capture2e(*command).last.success?
  end

  Port = Struct.new(:number) do
    def listening?
      Open3.capture2('ss', '-Hltn', "sport = :#{number}").first.include?(":#{number}")
    end
  end

  Service = Struct.new(:name) do
    def running? = Controls.ok?('systemctl', 'is-active', '--quiet', name)
    def enabled? = Controls.ok?('systemctl', 'is-enabled', '--quiet', name)
  end

  Command = Struct.new(:line) do
    def stdout = Open3.capture2('sh', '-c', line).first
  end

  Http = Struct.new(:url) do
    def status = Net::HTTP.get_response(URI(url)).code.to_i
  end

  Path = Struct.new(:path) do
    def content = ::File.read(path)
    def mode = stat.mode & 0o7777
    def owner = Etc.getpwuid(stat.uid).name
    def group = Etc.getgrgid(stat.gid).name
    def stat = ::File.stat(path)
  end

  Document = Struct.new(:path) do
    def at(*keys) = JSON.parse(::File.read(path)).dig(*keys)
  end

  # `describe file('…') do its('mode') { … } end`
  module Its
    def its(attribute, &control)
      describe(Array(attribute).join(' ')) do
        subject do
          whole = super()
          whole.is_a?(Document) ? whole.at(*attribute) : whole.public_send(attribute)
        end
        it(&control)
      end
    end
  end
end

RSpec.configure { |rspec| rspec.extend(Controls::Its) }

# Equal as InSpec compares: a mode may be given as octal text.
RSpec::Matchers.define(:cmp) do |wished|
  match { |found| found.is_a?(Integer) && wished.to_s.start_with?('0') ? found == wished.oct : found.to_s == wished.to_s }
end

def command(line) = Controls::Command.new(line)
def directory(path) = Controls::Path.new(path)
def file(path) = Controls::Path.new(path)
def http(url) = Controls::Http.new(url)
def json(path) = Controls::Document.new(path)
def port(number) = Controls::Port.new(number)
def service(name) = Controls::Service.new(name)
