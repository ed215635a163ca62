# frozen_string_literal: true

describe service('stackyard') do
  it { is_expected.to be_enabled }
  it { is_expected.to be_running }
end

describe port(5000) do
  it { is_expected.to be_listening }
end

describe http('http://127.0.0.1:5000/v2/') do
  its('status') { is_expected.to eq 401 }
end

describe file('/etc/stackyard/stackyard.yaml') do
  its('mode') { is_expected.to cmp '0640' }
  its('group') { is_expected.to eq 'stackyard' }
end

describe file('/etc/stackyard/env') do
  its('mode') { is_expected.to cmp '0600' }
  its('owner') { is_expected.to eq 'root' }
end

describe directory('/var/lib/stackyard') do
  its('owner') { is_expected.to eq 'stackyard' }
  its('mode') { is_expected.to cmp '0700' }
end
