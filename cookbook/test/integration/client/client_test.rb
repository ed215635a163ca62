# frozen_string_literal: true

describe service('docker') do
  it { is_expected.to be_running }
end

describe json('/etc/docker/daemon.json') do
  its('registry-mirrors') { is_expected.to include 'http://registry.test:5001' }
  its('insecure-registries') { is_expected.to include 'registry.test:5000' }
end

describe command("docker info --format '{{json .RegistryConfig.Mirrors}}'") do
  its('stdout') { is_expected.to include 'http://registry.test:5001/' }
end

describe file('/etc/containerd/certs.d/docker.io/hosts.toml') do
  its('mode') { is_expected.to cmp '0644' }
  its('content') { is_expected.to include 'http://registry.test:5000' }
end

describe file('/etc/containerd/certs.d/registry.test:5000/hosts.toml') do
  its('content') { is_expected.to include 'http://registry.test:5000' }
end

%w[docker.io quay.io].each do |upstream|
  describe file("/etc/containers/registries.conf.d/50-stackyard-#{upstream}.conf") do
    its('mode') { is_expected.to cmp '0644' }
    its('content') { is_expected.to include "registry.test:5000/mirror/#{upstream}" }
  end
end

describe file('/root/.docker/config.json') do
  its('mode') { is_expected.to cmp '0600' }
  its('owner') { is_expected.to eq 'root' }
end

describe json('/root/.docker/config.json') do
  its(%w[auths registry.test:5000]) { is_expected.not_to be_nil }
end
