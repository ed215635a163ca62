# frozen_string_literal: true

RSpec.describe 'stackyard_login' do
  step_into :stackyard_login

  on_each_platform do
    before { without_engines('stackyard_login[registry.test:5000]') }

    context 'with a password' do
      recipe do
        stackyard_login 'registry.test:5000' do
          username 'web'
          password 'correct horse'
        end
      end

      it 'writes a file for its user alone' do
        is_expected.to create_file('/root/.docker/config.json')
          .with(mode: '0600', owner: 'root', sensitive: true, backup: false, content: /"auth": "d2ViOmNvcnJlY3QgaG9yc2U="/)
      end
    end

    context 'without a password' do
      recipe do
        stackyard_login 'registry.test:5000' do
          username 'web'
        end
      end

      it { expect { subject }.to raise_error(/password: is missing/) }
    end
  end
end
