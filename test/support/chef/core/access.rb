# frozen_string_literal: true

require 'etc'

class Chef
  # Owner, group and mode of a path, as `file` and `directory` have them.
  module Access
    def converge_access(path)
      owner = new_resource.owner && Etc.getpwnam(new_resource.owner).uid
      group = new_resource.group && Etc.getgrnam(new_resource.group).gid
      mode = new_resource.mode&.to_i(8)
      held = ::File.stat(path)
      converge_by("change owner to #{new_resource.owner}") { ::File.chown(owner, nil, path) } unless [nil, held.uid].include?(owner)
      converge_by("change group to #{new_resource.group}") { ::File.chown(nil, group, path) } unless [nil, held.gid].include?(group)
      return if [nil, held.mode & 0o7777].include?(mode)

      converge_by("change mode to #{new_resource.mode}") { ::File.chmod(mode, path) }
    end
  end
end
