# frozen_string_literal: true

require 'etc'

class Chef
  # Owner, group and mode of a path, as `file` and `directory` have them; of a link's target where the path is a link.
  module Access
    def converge_access(path)
      owner = id_of(:owner) { |name| Etc.getpwnam(name).uid }
      group = id_of(:group) { |name| Etc.getgrnam(name).gid }
      mode = new_resource.mode&.to_i(8)
      # There is nothing yet where Chef only asks why.
      held = ::File.exist?(path) ? ::File.stat(path) : nil
      converge_by("change owner to #{new_resource.owner}") { ::File.chown(owner, nil, path) } unless [nil, held&.uid].include?(owner)
      converge_by("change group to #{new_resource.group}") { ::File.chown(nil, group, path) } unless [nil, held&.gid].include?(group)
      return if [nil, held && (held.mode & 0o7777)].include?(mode)

      converge_by("change mode to #{new_resource.mode}") { ::File.chmod(mode, path) }
    end

    private

    def id_of(kind)
      name = new_resource.send(kind)
      name && yield(name)
    rescue ArgumentError
      required(false, "#{new_resource}: there is no #{kind} #{name}")
      nil
    end
  end
end
