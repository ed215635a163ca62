# frozen_string_literal: true

RSpec.describe 'stackyard_login' do
  step_into :stackyard_login

  on_each_platform do
    # The file is written with its user's rights, by no resource of Chef's.
    before do
      stubs_for_provider('stackyard_login[registry.test:5000]') do |provider|
        allow(provider).to receive(:own_file).and_return(nil)
        allow(provider).to receive(:keep_own_file) { |*arguments| @kept = arguments }
      end
    end

    context 'with a password' do
      recipe do
        stackyard_login 'registry.test:5000' do
          username 'web'
          password 'correct horse'
        end
      end

      it 'writes the file of its user' do
        chef_run
        expect(@kept).to match(['root', '/root/.docker/config.json', /"auth": "d2ViOmNvcnJlY3QgaG9yc2U="/, nil])
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
