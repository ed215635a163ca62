# frozen_string_literal: true

RSpec.describe 'stackyard_mirror' do
  step_into :stackyard_mirror

  on_each_platform do
    context 'of docker.io' do
      before { without_engines('stackyard_mirror[docker.io]') }

      recipe do
        stackyard_mirror 'docker.io' do
          registry 'registry.test:5000'
          docker_mirror 'https://registry.test:5001'
        end
      end

      it { is_expected.to create_file('/etc/docker/daemon.json').with(content: %r{https://registry\.test:5001}) }
      it { is_expected.to create_file('/etc/containerd/certs.d/docker.io/hosts.toml') }
      it { is_expected.not_to create_file('/etc/containerd/certs.d/registry.test:5000/hosts.toml') }
    end

    context 'of quay.io for docker' do
      before { without_engines('stackyard_mirror[quay.io]') }

      recipe do
        stackyard_mirror 'quay.io' do
          registry 'registry.test:5000'
          engines %w[docker]
        end
      end

      it { expect { subject }.to raise_error(/registry-mirrors serves docker\.io only/) }
    end
  end
end
