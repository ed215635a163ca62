# frozen_string_literal: true

class Chef
  class Resource
    class Group < Resource
      provides :group
      property :group_name, String, name_property: true
      property :gid, [String, Integer]
      property :system, [true, false], default: false
      property :members, [String, Array], coerce: proc { |value| Array(value) }, default: []
      property :append, [true, false], default: false
      default_action :create

      action :create do
        name = new_resource.group_name
        found = account { Etc.getgrnam(name) }
        converge_by("create group #{name}") { shell_out!('groupadd', *(['--system'] if new_resource.system), name) } if found.nil?
        (new_resource.members - (account { Etc.getgrnam(name) }&.mem || [])).each do |member|
          converge_by("add #{member} to group #{name}") { shell_out!('gpasswd', '--add', member, name) }
        end
      end

      action :remove do
        found = account { Etc.getgrnam(new_resource.group_name) }
        converge_by("remove group #{new_resource.group_name}") { shell_out!('groupdel', new_resource.group_name) } if found
      end

      action_class do
        def account
          Etc.endgrent
          yield
        rescue ArgumentError
          nil
        end
      end
    end

    class User < Resource
      provides :user
      property :username, String, name_property: true
      property :system, [true, false], default: false
      property :uid, [String, Integer]
      property :gid, [String, Integer]
      property :home, String
      property :shell, String
      property :comment, String
      property :manage_home, [true, false], default: false
      default_action :create

      action :create do
        name = new_resource.username
        found = begin
          Etc.getpwnam(name)
        rescue ArgumentError
          nil
        end
        if found.nil?
          converge_by("create user #{name}") { shell_out!('useradd', *options, name) }
        else
          shown = { '--home' => [new_resource.home, found.dir], '--shell' => [new_resource.shell, found.shell],
                    '--gid' => [new_resource.gid&.to_s, Etc.getgrgid(found.gid).name] }
          changes = shown.select { |_, (wished, held)| wished && wished != held }
          converge_by("alter user #{name}") { shell_out!('usermod', *changes.flat_map { |key, (wish)| [key, wish] }, name) } if changes.any?
        end
      end

      action :remove do
        converge_by("remove user #{new_resource.username}") { shell_out!('userdel', new_resource.username) }
      end

      action_class do
        def options
          { '--home-dir' => new_resource.home, '--shell' => new_resource.shell, '--gid' => new_resource.gid&.to_s,
            '--comment' => new_resource.comment }.compact.to_a.flatten +
            [new_resource.manage_home ? '--create-home' : '--no-create-home', *('--system' if new_resource.system)]
        end
      end
    end
  end
end
