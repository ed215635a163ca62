# frozen_string_literal: true

class Chef
  # Users and groups as the machine has them now.
  module Accounts
    def group_of(name)
      Etc.endgrent
      Etc.getgrnam(name)
    rescue ArgumentError
      nil
    end

    def user_of(name)
      Etc.endpwent
      Etc.getpwnam(name)
    rescue ArgumentError
      nil
    end
  end

  class Resource
    class Group < Resource
      provides :group
      property :group_name, String, name_property: true
      property :gid, [String, Integer]
      property :system, [true, false], default: false
      property :members, [String, Array], coerce: proc { |value| value.is_a?(String) ? value.split(/\s*,\s*/) : value }, default: []
      property :excluded_members, [String, Array], coerce: proc { |value| Array(value) }, default: []
      property :append, [true, false], default: false
      default_action :create

      # Without `append` the members are these, and nobody else.
      action :create do
        name = new_resource.group_name
        found = group_of(name)
        if found.nil?
          converge_by("create group #{name}") do
            shell_out!('groupadd', *number, name, *('-r' if new_resource.system))
            set_members([])
          end
        elsif (changes = differences(found)).any?
          converge_by(["alter group #{name}", *changes]) do
            shell_out!('groupmod', *number, name) if new_resource.gid
            set_members(found.mem)
          end
        end
      end

      action :remove do
        next unless group_of(new_resource.group_name)

        converge_by("remove group #{new_resource.group_name}") { shell_out!('groupdel', new_resource.group_name) }
      end

      action_class do
        include Accounts

        def number
          new_resource.gid ? ['-g', new_resource.gid.to_s] : []
        end

        def differences(found)
          wished = new_resource.members
          gid = ["change gid #{found.gid} to #{new_resource.gid}"] unless [nil, found.gid.to_s].include?(new_resource.gid&.to_s)
          return [*gid, *('replace group members' if wished.sort != found.mem.sort)] unless new_resource.append

          [*gid, *(wished - found.mem).map { |member| "add missing member #{member}" },
           *(new_resource.excluded_members & found.mem).map { |member| "remove existing member #{member}" }]
        end

        def set_members(held)
          name = new_resource.group_name
          return shell_out!('gpasswd', '-M', new_resource.members.join(','), name) unless new_resource.append

          (new_resource.members - held).each { |member| shell_out!('gpasswd', '-a', member, name) }
          (new_resource.excluded_members & held).each { |member| shell_out!('gpasswd', '-d', member, name) }
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
        found = user_of(name)
        if found.nil?
          options = [*changes(nil), *('-r' if new_resource.system), new_resource.manage_home ? '-m' : '-M']
          converge_by("create user #{name}") { shell_out!('useradd', *options, name) }
        elsif (options = changes(found)).any?
          converge_by("alter user #{name}: #{options.join(' ')}") { shell_out!('usermod', *options, name) }
        end
      end

      action :remove do
        next unless user_of(new_resource.username)

        converge_by("remove user #{new_resource.username}") do
          shell_out!('userdel', *('-r' if new_resource.manage_home), new_resource.username)
        end
      end

      action_class do
        include Accounts

        def changes(found)
          wished = { '-c' => [new_resource.comment, found&.gecos], '-g' => [group_number(found), found&.gid],
                     '-s' => [new_resource.shell, found&.shell], '-u' => [new_resource.uid, found&.uid],
                     '-d' => [new_resource.home, found&.dir] }
          wished.reject { |_, (wish, held)| wish.nil? || wish.to_s == held.to_s }.flat_map { |key, (wish, _)| [key, wish.to_s] }
        end

        # Of a user that is there by its number, else as it is given.
        def group_number(found)
          gid = new_resource.gid
          return gid unless found && gid.is_a?(String) && gid.to_i.zero?

          group_of(gid)&.gid || required(false, "Couldn't lookup integer GID for group name #{gid}") || nil
        end
      end
    end
  end
end
