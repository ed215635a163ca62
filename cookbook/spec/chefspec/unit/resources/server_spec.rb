# frozen_string_literal: true

RSpec.describe 'stackyard_server' do
  step_into :stackyard_server

  on_each_platform do
    before do
      stubs_for_provider('stackyard_server[registry]') do |provider|
        allow(provider).to receive_messages(node_version: "v20.19.0\n", unpacked_release: '/opt/stackyard-releases/1', serve: nil)
      end
    end

    context 'with a configuration' do
      recipe do
        stackyard_server 'registry' do
          source '/srv/stackyard.tgz'
          config(server: { port: 5000 })
          environment(lazy { { 'STACKYARD_ADMIN_PASSWORD' => 'correct horse' } })
        end
      end

      it { is_expected.to create_user('stackyard').with(system: true, shell: '/usr/sbin/nologin') }
      it { is_expected.to create_file('/etc/stackyard/stackyard.yaml').with(mode: '0640', group: 'stackyard') }
      it { is_expected.to create_file('/etc/stackyard/env').with(mode: '0600', sensitive: true, backup: false) }
      it { is_expected.to create_systemd_unit('stackyard.service') }
    end

    context 'with a secret in its configuration' do
      recipe do
        stackyard_server 'registry' do
          source '/srv/stackyard.tgz'
          config(storage: { swift: { key: 'correct horse' } })
        end
      end

      it { expect { subject }.to raise_error(/storage\.swift\.key: a secret/) }
    end
  end
end
