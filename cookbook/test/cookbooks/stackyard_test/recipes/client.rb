# frozen_string_literal: true

package 'docker.io'

service 'docker' do
  action %i[enable start]
end

directory '/etc/chef-secrets' do
  mode '0700'
end

file '/etc/chef-secrets/robot' do
  content "sy_only-for-the-tests\n"
  mode '0600'
  umask '0077'
  sensitive true
  backup false
end

stackyard_trust 'registry.test:5000' do
  http true
end

stackyard_login 'registry.test:5000' do
  username 'web'
  password_file '/etc/chef-secrets/robot'
end

stackyard_mirror 'docker.io' do
  registry 'registry.test:5000'
  http true
  docker_mirror 'http://registry.test:5001'
end

stackyard_mirror 'quay.io' do
  registry 'registry.test:5000'
  http true
end
