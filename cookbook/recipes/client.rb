# frozen_string_literal: true

client = node['stackyard']['client']
if client['registry'].nil?
  raise StackyardCookbook::Invalid, "node['stackyard']['client']['registry']: is missing; give HOST[:PORT] of the registry"
end

stackyard_trust client['registry'] do
  ca_file client['ca_file'] if client['ca_file']
  http client['http']
  engines client['engines'].to_a
end

if client['login']['username']
  # containerd's own clients read Docker's file.
  client['engines'].map { |engine| engine == 'containerd' ? 'docker' : engine }.uniq.each do |engine|
    stackyard_login "#{client['registry']} for #{engine}" do
      registry client['registry']
      username client['login']['username']
      password_file client['login']['password_file']
      user client['login']['user']
      engine engine
    end
  end
end

client['mirrors'].each do |mirror|
  stackyard_mirror mirror['upstream'] do
    registry client['registry']
    mirror_name mirror['name'] if mirror['name']
    only mirror['only'] == true
    docker_mirror client['docker_mirror'] if client['docker_mirror'] && mirror['upstream'] == 'docker.io'
    ca_file client['ca_file'] if client['ca_file']
    http client['http']
    if mirror['engines']
      engines mirror['engines'].to_a
    else
      without_docker = mirror['upstream'] != 'docker.io' || mirror['only'] == true || client['docker_mirror'].nil?
      engines(client['engines'].to_a - (without_docker ? %w[docker] : []))
    end
  end
end
