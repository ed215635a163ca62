# frozen_string_literal: true

class Chef
  class Resource
    class Git < Resource
      provides :git
      property :destination, String, name_property: true
      property :repository, String, required: true
      property :revision, String, default: 'HEAD'
      property :depth, Integer
      property :user, String
      property :group, String
      property :timeout, Integer
      property :environment, Hash
      property :checkout_branch, String
      property :enable_checkout, [true, false], default: true
      default_action :sync

      action :sync do
        folder = new_resource.destination
        required(::File.directory?(::File.dirname(folder)), "Parent directory #{::File.dirname(folder)} does not exist.")

        wished = target
        unless ::Dir.exist?(::File.join(folder, '.git'))
          converge_by("clone from #{new_resource.repository} into #{folder}") { git!('clone', new_resource.repository, folder) }
          next if whyrun_mode?
        end
        next if git!('-C', folder, 'rev-parse', 'HEAD').stdout.strip == wished

        converge_by("checkout ref #{wished}") do
          git!('-C', folder, 'fetch', '--tags', 'origin')
          git!('-C', folder, 'reset', '--hard', wished)
          git!('-C', folder, 'checkout', '--detach')
        end
      end

      action_class do
        def git!(*words)
          user = new_resource.user
          home = user ? { 'HOME' => Etc.getpwnam(user).dir } : {}
          shell_out!('git', *words, environment: home.merge(new_resource.environment || {}), **{ user: user }.compact)
        end

        # The commit that the revision names.
        def target
          return new_resource.revision if new_resource.revision.match?(/\A[0-9a-f]{40}\z/)

          heads = git!('ls-remote', new_resource.repository).stdout.lines.map(&:split)
          names = ["refs/tags/#{new_resource.revision}^{}", "refs/tags/#{new_resource.revision}",
                   "refs/heads/#{new_resource.revision}", new_resource.revision]
          found = names.filter_map { |name| heads.find { |_, ref| ref == name }&.first }.first
          found || raise("Unable to resolve reference #{new_resource.revision} in #{new_resource.repository}")
        end
      end
    end

    # A package that is installed already; there is nothing to install from.
    class Package < Resource
      provides :package
      property :package_name, [String, Array], name_property: true, coerce: proc { |value| Array(value) }
      property :version, String
      default_action :install

      action :install do
        new_resource.package_name.each do |name|
          held = shell_out('dpkg-query', '--show', '--showformat=${db:Status-Status}', name)
          next if held.stdout == 'installed'

          converge_by("install #{name}") { raise "#{name}: is not installed, and nothing is installed here" }
        end
      end
    end
  end
end
