# frozen_string_literal: true

RSpec.describe 'stackyard_trust' do
  step_into :stackyard_trust

  on_each_platform do
    before { without_engines('stackyard_trust[registry.test:5000]') }

    context 'over plain HTTP' do
      recipe do
        stackyard_trust 'registry.test:5000' do
          http true
        end
      end

      it { is_expected.to create_file('/etc/docker/daemon.json').with(mode: '0644', content: /registry\.test:5000/) }
      it { is_expected.to create_file('/etc/containerd/certs.d/registry.test:5000/hosts.toml') }
    end

    context 'with an authority that is none' do
      recipe do
        stackyard_trust 'registry.test:5000' do
          ca 'no certificate'
        end
      end

      it { expect { subject }.to raise_error(/ca/) }
    end
  end
end
