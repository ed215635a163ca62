# frozen_string_literal: true

server = node['stackyard']['server']

stackyard_server 'stackyard' do
  source server['source'] if server['source']
  checksum server['checksum'] if server['checksum']
  version server['version'] if server['version']
  node_path server['node_path']
  config server['config'].to_h
  environment(lazy { (node.run_state.dig('stackyard', 'environment') || {}).to_h })
  if server['certificate_file']
    certificate(lazy { ::File.read(server['certificate_file']) })
    certificate_key(lazy { ::File.read(server['certificate_key_file']) })
  end
end
