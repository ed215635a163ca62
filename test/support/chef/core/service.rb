# frozen_string_literal: true

class Chef
  # Questions to systemd, and changes by it.
  module Units
    def systemctl?(verb, unit) = shell_out('systemctl', verb, unit).exitstatus.zero?
    def systemctl!(*words) = shell_out!('systemctl', '--system', *words)
  end

  class Resource
    class Service < Resource
      provides :service
      property :service_name, String, name_property: true
      property :supports, Hash, default: {}

      { start: ['is-active', false], stop: ['is-active', true], enable: ['is-enabled', false],
        disable: ['is-enabled', true] }.each do |verb, (question, held)|
        action verb do
          if systemctl?(question, new_resource.service_name) == held
            converge_by("#{verb} service #{new_resource.service_name}") { systemctl!(verb.to_s, new_resource.service_name) }
          end
        end
      end

      %i[restart reload].each do |verb|
        action verb do
          converge_by("#{verb} service #{new_resource.service_name}") { systemctl!(verb.to_s, new_resource.service_name) }
        end
      end

      action_class { include Units }
    end

    class SystemdUnit < Resource
      provides :systemd_unit
      property :unit_name, String, name_property: true
      property :content, String
      property :verify, [true, false], default: true
      property :triggers_reload, [true, false], default: true

      action :create do
        wished = new_resource.content
        odd = wished.lines.reject { |line| line.match?(/\A\s*(?:[#;].*|\[[^\]]+\]\s*|[^=\s][^=]*=.*)?\n?\z/) }
        raise "Unit content is not valid INI text: #{odd.first}" unless odd.empty?

        before = ::File.exist?(path) ? ::File.read(path) : nil
        unless before == wished
          verified(wished) if new_resource.verify
          converge_by("create unit #{new_resource.unit_name}") do
            ::File.write(path, wished)
            ::File.chmod(0o644, path)
            systemctl!('daemon-reload') if new_resource.triggers_reload
          end
        end
      end

      action :delete do
        next unless ::File.exist?(path)

        converge_by("delete unit #{new_resource.unit_name}") do
          ::File.unlink(path)
          systemctl!('daemon-reload') if new_resource.triggers_reload
        end
      end

      { enable: false, disable: true }.each do |verb, held|
        action verb do
          next unless systemctl?('is-enabled', new_resource.unit_name) == held

          converge_by("#{verb} unit #{new_resource.unit_name}") { systemctl!(verb.to_s, new_resource.unit_name) }
        end
      end

      action_class do
        include Units

        def path
          "/etc/systemd/system/#{new_resource.unit_name}"
        end

        # As Chef does: a unit whose program is not there is refused.
        def verified(text)
          Dir.mktmpdir('unit') do |folder|
            proposed = ::File.join(folder, new_resource.unit_name)
            ::File.write(proposed, text)
            answer = shell_out('systemd-analyze', 'verify', proposed)
            next if answer.exitstatus.zero?

            raise Exceptions::VerificationFailed, "#{new_resource}: failed verification: #{answer.stderr}"
          end
        end
      end
    end
  end
end
