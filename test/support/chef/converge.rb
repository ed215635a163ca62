# frozen_string_literal: true

# Converges recipes of the cookbook without the Chef client: the part of its language that the cookbook uses, as strict
# as Chef where strictness finds errors.
#   ruby converge.rb [--why-run] COOKBOOK ATTRIBUTES.json NODE.json RECIPE...
# ATTRIBUTES.json is `chef-client -j`, NODE.json takes what would be kept of the node, a RECIPE is a name or a file.
# Exit 1 where a resource failed, which a line `FATAL: resource[name]: message` tells.
require_relative 'property'
require_relative 'provider'
require_relative 'resource'
require_relative 'run_context'
require_relative 'report'
require_relative 'node'
require_relative 'recipe'
require_relative 'cookbook'
require 'fileutils'
require 'tmpdir'

class Chef
  CACHE = '/var/cache/chef-bed'
  Config = {
    file_cache_path: CACHE, file_backup_path: '/var/cache/chef-bed/backup', why_run: ARGV.first == '--why-run'
  }.freeze

  # Chef's log; what it warns of is printed.
  module Log
    %i[debug info trace].each { |level| define_singleton_method(level) { |_text = nil| nil } }
    %i[warn error].each { |level| define_singleton_method(level) { |text| puts "#{level.upcase}: #{text}" } }
  end
end

Dir[File.join(__dir__, 'core', '*.rb')].sort.each { |path| require path }
FileUtils.mkdir_p(Chef::CACHE)

# As chef-client does, whatever it was started with.
File.umask(0o022)
folder, attributes, kept, *recipes = ARGV - ['--why-run']
report = Chef::Report.new
cookbook = Chef::Cookbook.new(File.expand_path(folder))
node = Chef::Node.new(JSON.parse(File.read(attributes)))
begin
  cookbook.load(node)
  context = Chef::RunContext.new(node, report, cookbook)
  Chef::Recipe.new(context).include_recipe(*recipes)
  context.converge
rescue StandardError => e
  report.line("FATAL: #{e.class}: #{e.message}") unless report.failed?
  report.line("  #{e.backtrace.first(6).join("\n  ")}")
  exit 1
ensure
  File.write(kept, node.saved)
  report.finish
end
