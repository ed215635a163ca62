# frozen_string_literal: true

# No secret belongs here: attributes are saved with the node. Secrets are files that only root may read, or
# node.run_state['stackyard'] (README.md).

# stackyard::server
default['stackyard']['server']['source'] = nil
default['stackyard']['server']['checksum'] = nil
default['stackyard']['server']['version'] = nil
default['stackyard']['server']['node_path'] = '/usr/bin/node'
default['stackyard']['server']['config'] = {}
default['stackyard']['server']['certificate_file'] = nil
default['stackyard']['server']['certificate_key_file'] = nil

# stackyard::client; a mirror is {'upstream' =>, 'name' =>, 'only' =>, 'engines' =>}, all but the first optional
default['stackyard']['client']['registry'] = nil
default['stackyard']['client']['http'] = false
default['stackyard']['client']['ca_file'] = nil
default['stackyard']['client']['engines'] = %w[docker containerd podman]
default['stackyard']['client']['mirrors'] = []
default['stackyard']['client']['docker_mirror'] = nil
default['stackyard']['client']['login']['user'] = 'root'
default['stackyard']['client']['login']['username'] = nil
default['stackyard']['client']['login']['password_file'] = nil

# stackyard::app
default['stackyard']['app']['name'] = nil
default['stackyard']['app']['image'] = nil
default['stackyard']['app']['engine'] = 'docker'
default['stackyard']['app']['config_dir'] = nil
default['stackyard']['app']['config_repository'] = nil
default['stackyard']['app']['config_revision'] = 'HEAD'
default['stackyard']['app']['ports'] = []
default['stackyard']['app']['volumes'] = []
default['stackyard']['app']['run_as'] = nil
